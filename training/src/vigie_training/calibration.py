"""Makes scores mean what they say, on rows of their own."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from vigie_training.known import known_set
from vigie_training.rows import SOURCE, Rows

Doubles = npt.NDArray[np.float64]


class Platt(NamedTuple):
    """P(positive) = 1 / (1 + exp(-(slope * score + shift))) (Platt 1999)."""

    slope: float
    shift: float


def fit_platt(scores: Doubles, rows: Rows) -> Platt:
    """Fits on the scores `[n]` of calibration rows; each data set weighs what `KnownSet.calibration` says."""
    regression = LogisticRegression(C=1e6).fit(scores[:, None], rows.labels, sample_weight=calibration_weights(rows))
    return Platt(float(regression.coef_[0, 0]), float(regression.intercept_[0]))


def calibration_weights(rows: Rows, *, labels_stay: bool = False) -> Doubles:
    """What each row of a calibration counts, 1 on average: see `KnownSet.calibration`. Shape `[n]`.

    With `labels_stay` for one that changes no label: see `KnownSet.negative_share`.
    """
    labels = rows.labels
    sources = rows.frame[SOURCE].to_numpy()
    weights = np.ones(len(rows))
    for source in rows.sources:
        mine = sources == source
        known = known_set(source)
        negative = 0.5 if known.balanced else known.negative_share if labels_stay else None
        if negative is not None:
            for label, share in ((0, negative), (1, 1 - negative)):
                weights[mine & (labels == label)] *= share / max(1, (mine & (labels == label)).sum())
        weights[mine] *= known.calibration * len(rows) / weights[mine].sum()
    return np.asarray(weights / weights.mean())
