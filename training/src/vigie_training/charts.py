"""The pictures of an evaluation (confusion matrix, ROC curve, calibration) and of a comparison."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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
    figure = _figure(3.6 * len(named), 3.6)
    for axes, (name, evaluation) in zip(figure.subplots(1, len(named), squeeze=False)[0], named, strict=True):
        _confusion(axes, evaluation)
        axes.set_title(name)
    figure.savefig(path, dpi=110)
    return path


def draw_quality_and_cost(points: Sequence[QualityAndCost], path: Path) -> Path:
    """Macro recall with its interval against milliseconds for one tweet; the size of a mark is that of the artefact."""
    figure = _figure(6.4, 4.4)
    axes = figure.subplots()
    for point in points:
        errors = [[point.quality - point.low], [point.high - point.quality]]
        axes.errorbar(point.latency_ms, point.quality, yerr=errors, fmt="none", ecolor="grey", capsize=3)
        axes.scatter(point.latency_ms, point.quality, s=30 + 4 * point.size_mib, alpha=0.7)
        axes.annotate(point.name, (point.latency_ms, point.quality), xytext=(8, 6), textcoords="offset points")
    axes.set(xscale="log", xlabel="milliseconds for one tweet (log scale)", ylabel="macro recall, held-out rows")
    axes.grid(visible=True, alpha=0.3)
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
    counts = np.array(evaluation.held_out().confusion)
    axes.imshow(counts, cmap="Blues")
    for (true, said), count in np.ndenumerate(counts):
        axes.text(said, true, f"{count:,}", ha="center", va="center", backgroundcolor="white")
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
