"""How sure a metric is: intervals of the bootstrap (percentiles, Efron 1979), by rows drawn with Poisson weights.

A weight of Poisson(1) per row stands for drawing as many rows as there are with replacement (Hanley and MacGibbon
2006); so every metric takes weighted rows, and nothing is copied.
"""

import numpy as np

from vigie_training.metrics import METRICS, Doubles, Labels, calibration_error

REPLICATES = 400
COVERAGE = 0.95


def intervals(labels: Labels, positive: Doubles, *, seed: int) -> dict[str, tuple[float, float]]:
    """Lower and upper end of the 95 % interval of each metric, for P(positive) `[n]`."""
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for _ in range(REPLICATES):
        weights = random.poisson(1.0, len(labels)).astype(np.float64)
        if not weights.any():
            continue
        for name, metric in METRICS.items():
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
