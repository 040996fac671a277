"""How much each row counts in a fit."""

import numpy as np
import numpy.typing as npt

from vigie_training.known import known_set
from vigie_training.rows import SAMPLING, SOURCE, Rows


def fit_weights(rows: Rows) -> npt.NDArray[np.float64]:
    """What `KnownSet` says of each row's data set and sampling: `[n]`."""
    known = {source: known_set(source) for source in rows.sources}
    pairs = zip(rows.frame[SOURCE], rows.frame[SAMPLING], strict=True)
    return np.array([known[source].sampling_weights.get(sampling, known[source].weight) for source, sampling in pairs])
