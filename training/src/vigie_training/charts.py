"""The pictures of an evaluation: confusion matrix, ROC curve, calibration."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, roc_curve

from vigie_training.evaluate import CALIBRATION_BINS, Evaluation

Plot = Callable[[Axes, Evaluation], None]
_LABELS = ("negative", "positive")


def draw(evaluation: Evaluation, directory: Path) -> list[Path]:
    """Writes `confusion_matrix.png`, `roc.png` and `calibration.png`, all of the pooled rows."""
    return [
        _saved(_confusion, evaluation, directory / "confusion_matrix.png"),
        _saved(_roc, evaluation, directory / "roc.png"),
        _saved(_calibration, evaluation, directory / "calibration.png"),
    ]


def _saved(plot: Plot, evaluation: Evaluation, path: Path) -> Path:
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    plot(figure.subplots(), evaluation)
    figure.savefig(path, dpi=110)
    return path


def _confusion(axes: Axes, evaluation: Evaluation) -> None:
    counts = confusion_matrix(evaluation.rows.labels, evaluation.positive > 0.5, labels=[0, 1])
    axes.imshow(counts, cmap="Blues")
    for (true, said), count in np.ndenumerate(counts):
        axes.text(said, true, f"{count:,}", ha="center", va="center", backgroundcolor="white")
    axes.set(xticks=(0, 1), yticks=(0, 1), xticklabels=_LABELS, yticklabels=_LABELS, xlabel="said", ylabel="is")


def _roc(axes: Axes, evaluation: Evaluation) -> None:
    false, true, _ = roc_curve(evaluation.rows.labels, evaluation.positive)
    axes.plot(false, true)
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    axes.set(xlabel="negative tweets called positive", ylabel="positive tweets called positive")


def _calibration(axes: Axes, evaluation: Evaluation) -> None:
    bins = np.minimum((evaluation.positive * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    sizes = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = sizes > 0
    said = np.bincount(bins, evaluation.positive, CALIBRATION_BINS)[used] / sizes[used]
    true = np.bincount(bins, evaluation.rows.labels, CALIBRATION_BINS)[used] / sizes[used]
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    axes.plot(said, true, marker="o")
    axes.set(xlabel="probability of positive, as said", ylabel="share of positive tweets")
