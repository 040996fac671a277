"""What a model family is to the serving library: `load` and `predict`, nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]


class Predictor(Protocol):
    """A loaded model. `predict` is called from one thread at a time and keeps no state between calls."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the artefact in `directory` (already verified); must not execute anything found there."""
        ...

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        ...
