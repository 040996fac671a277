"""How sure a metric is: intervals of the bootstrap (percentiles, Efron 1979), by rows drawn with Poisson weights.

A weight of Poisson(1) per row stands for drawing as many rows as there are with replacement (Hanley and MacGibbon
2006); so every metric is written for weighted rows, and nothing is copied.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vigie_training.evaluate import calibration_error

REPLICATES = 400
COVERAGE = 0.95

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Weighted = Callable[[Labels, Doubles, Doubles], float]


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


WEIGHTED: dict[str, Weighted] = {
    "accuracy": accuracy,
    "f1": f1,
    "macro_recall": macro_recall,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
}


def intervals(labels: Labels, positive: Doubles, *, seed: int) -> dict[str, tuple[float, float]]:
    """Lower and upper end of the 95 % interval of each metric, for P(positive) `[n]`."""
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in WEIGHTED}
    for _ in range(REPLICATES):
        weights = random.poisson(1.0, len(labels)).astype(np.float64)
        if not weights.any():
            continue
        for name, metric in WEIGHTED.items():
            found[name].append(metric(labels, positive, weights))
    ends = {name: _ends(values) for name, values in found.items()}
    return ends | {"calibration_error": _ends_of_calibration(ends["calibration_error"], labels, positive, random)}


def _ends_of_calibration(
    drawn: tuple[float, float], labels: Labels, positive: Doubles, random: np.random.Generator
) -> tuple[float, float]:
    """The basic interval (Davison and Hinkley 1997, "Bootstrap Methods and their Application", 5.2) for the percentiles
    `drawn`, widened to the metric itself where that is outside.

    A mean of absolute values is the greater the more noise the rows have, and rows drawn from them have it twice:
    percentiles lie above the metric, which itself lies above the truth. The interval begins at 0 where labels drawn
    from the probabilities would show as great an error (Bröcker and Smith 2007, "Increasing the Reliability of
    Reliability Diagrams").
    """
    error = calibration_error(labels, positive)
    by_chance = [
        calibration_error((random.random(len(labels)) < positive).astype(np.int64), positive) for _ in range(REPLICATES)
    ]
    low = 0.0 if error <= _ends(by_chance)[1] else max(0.0, min(error, 2 * error - drawn[1]))
    return low, max(error, 2 * error - drawn[0])


def _ends(values: list[float]) -> tuple[float, float]:
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.quantile(known, ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2))
    return float(low), float(high)
