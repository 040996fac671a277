"""What is measured of a model: of labels (0 or 1), P(positive) and the weight of each row, `[n]` each."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

CALIBRATION_BINS = 15

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Metric = Callable[[Labels, Doubles, Doubles], float]


def accuracy(labels: Labels, positive: Doubles, weights: Doubles) -> float:
    """The share of right answers."""
    return float(weights[(positive > 0.5) == (labels == 1)].sum() / weights.sum())


def f1(labels: Labels, positive: Doubles, weights: Doubles) -> float:
    """F1 of the positive label."""
    said = positive > 0.5
    right = weights[said & (labels == 1)].sum()
    return float(2 * right / max(weights[said].sum() + weights[labels == 1].sum(), 1e-12))


def macro_recall(labels: Labels, positive: Doubles, weights: Doubles) -> float:
    """The mean of both labels' recalls; NaN where a label is missing."""
    right = (positive > 0.5) == (labels == 1)
    known = [weights[labels == label].sum() for label in (0, 1)]
    recalls = [weights[right & (labels == label)].sum() / known[label] for label in (0, 1)] if all(known) else [np.nan]
    return float(np.mean(recalls))


def roc_auc(labels: Labels, positive: Doubles, weights: Doubles) -> float:
    """The chance that a positive tweet scores higher than a negative one; ties count half."""
    values, groups = np.unique(positive, return_inverse=True)
    negatives = np.bincount(groups, weights * (labels == 0), len(values))
    positives = np.bincount(groups, weights * (labels == 1), len(values))
    below = np.cumsum(negatives) - negatives / 2
    pairs = negatives.sum() * positives.sum()
    return float((below * positives).sum() / pairs) if pairs else float("nan")


def log_loss(labels: Labels, positive: Doubles, weights: Doubles) -> float:
    """The mean of minus the logarithm of the true label's probability."""
    true = np.clip(np.where(labels == 1, positive, 1 - positive), 1e-15, 1)
    return float(-(weights * np.log(true)).sum() / weights.sum())


def calibration_error(labels: Labels, positive: Doubles, weights: Doubles | None = None) -> float:
    """Expected calibration error over equal bins of the probability (Naeini et al. 2015); without weights all are 1."""
    counts = np.ones(len(labels)) if weights is None else weights
    gaps = np.bincount(calibration_bins(positive), counts * (positive - labels), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / counts.sum())


def calibration_bins(positive: Doubles) -> npt.NDArray[np.int64]:
    """In which of the bins each probability is; 1.0 belongs to the last one."""
    return np.minimum((positive * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "macro_recall": macro_recall,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
}
