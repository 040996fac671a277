"""The pictures of an evaluation (confusion matrix, ROC curve, calibration) and of a comparison."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from vigie_training.evaluate import Evaluation

Plot = Callable[[Axes, Evaluation], None]


class QualityAndCost(NamedTuple):
    """A model in the picture of quality against cost."""

    name: str
    quality: float
    low: float
    high: float
    latency_ms: float
    size_mib: float


_LABELS = ("negative", "positive")


def draw(evaluation: Evaluation, directory: Path) -> list[Path]:
    """Writes `confusion_matrix.png`, `roc.png` and `calibration.png`, all of the pooled rows."""
    return [
        _saved(_confusion, evaluation, directory / "confusion_matrix.png"),
        _saved(_roc, evaluation, directory / "roc.png"),
        _saved(_calibration, evaluation, directory / "calibration.png"),
    ]


def draw_confusions(named: Sequence[tuple[str, Evaluation]], path: Path) -> Path:
    """The confusion matrices of several models side by side."""
    figure = _figure(3.4 * len(named) + 0.6, 3.6)
    for at, (axes, (name, evaluation)) in enumerate(
        zip(figure.subplots(1, len(named), squeeze=False)[0], named, strict=True)
    ):
        _confusion(axes, evaluation)
        axes.set_title(name)
        if at:
            axes.set(ylabel="", yticks=())
    figure.savefig(path, dpi=110)
    return path


def draw_quality_and_cost(points: Sequence[QualityAndCost], path: Path) -> Path:
    """Macro recall with its interval against milliseconds for one tweet; the size of a mark is that of the artefact."""
    figure = _figure(8.4, 4.6)
    axes = figure.subplots()
    for point in points:
        errors = [[point.quality - point.low], [point.high - point.quality]]
        axes.errorbar(point.latency_ms, point.quality, yerr=errors, fmt="none", ecolor="grey", capsize=3, zorder=1)
        label = f"{point.name} ({point.size_mib:.3g} MiB)"
        axes.scatter(point.latency_ms, point.quality, s=30 + 6 * point.size_mib, alpha=0.8, label=label)
    axes.set(xscale="log", xlabel="milliseconds for one tweet (log scale)", ylabel="macro recall, held-out rows, 95 %")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12)
    axes.grid(visible=True, alpha=0.3)
    # Beside the picture: models of a like speed and quality would write over each other in it.
    figure.legend(loc="outside right center", markerscale=0.6, frameon=False)
    figure.savefig(path, dpi=110)
    return path


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _saved(plot: Plot, evaluation: Evaluation, path: Path) -> Path:
    figure = _figure(4.5, 4)
    plot(figure.subplots(), evaluation)
    figure.savefig(path, dpi=110)
    return path


def _confusion(axes: Axes, evaluation: Evaluation) -> None:
    """Coloured by the share of a label's rows, so that pictures can be compared."""
    counts = np.array(evaluation.held_out().confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (true, said), count in np.ndenumerate(counts):
        share = shares[true, said]
        text = f"{count:,}\n{100 * share:.1f} %"
        axes.text(said, true, text, ha="center", va="center", color="white" if share > 0.6 else "black")
    axes.set(xticks=(0, 1), yticks=(0, 1), xticklabels=_LABELS, yticklabels=_LABELS, xlabel="said", ylabel="is")


def _roc(axes: Axes, evaluation: Evaluation) -> None:
    points = evaluation.held_out().roc
    axes.plot([false for false, _ in points], [true for _, true in points])
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    axes.set(xlabel="negative tweets called positive", ylabel="positive tweets called positive")


def _calibration(axes: Axes, evaluation: Evaluation) -> None:
    bins = evaluation.held_out().calibration
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    axes.plot([each.said for each in bins], [each.true for each in bins], marker="o")
    axes.set(xlabel="probability of positive, as said", ylabel="share of positive tweets")
