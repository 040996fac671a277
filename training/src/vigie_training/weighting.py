"""How much each row counts in a fit."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vigie_training.known import known_set
from vigie_training.rows import SAMPLING, SOURCE, Rows


class Labelled(NamedTuple):
    """n tweets, the probability `[n]` that each is positive (0 or 1 for a plain label), weights `[n]` of mean 1."""

    texts: Sequence[str]
    targets: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows, weights: npt.NDArray[np.float64]) -> Self:
        """The rows by their labels."""
        return cls(rows.texts, rows.labels.astype(np.float64), weights / weights.mean())


def tuning_weights(rows: Rows) -> npt.NDArray[np.float64]:
    """What a row of each data set weighs when the transformer is tuned: `[n]`."""
    known = {source: known_set(source).tuning_weight for source in rows.sources}
    return np.array([known[source] for source in rows.frame[SOURCE]])


def fit_weights(rows: Rows) -> npt.NDArray[np.float64]:
    """What `KnownSet` says of each row's data set and sampling: `[n]`."""
    known = {source: known_set(source) for source in rows.sources}
    pairs = zip(rows.frame[SOURCE], rows.frame[SAMPLING], strict=True)
    return np.array([known[source].sampling_weights.get(sampling, known[source].weight) for source, sampling in pairs])
