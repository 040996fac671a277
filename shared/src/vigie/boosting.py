"""Trees by LightGBM over sentence vectors: one code path for fitting and serving."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import lightgbm
import numpy as np

from vigie.artifacts import ArtifactError
from vigie.encoder import SCORE, SENTENCE_VECTOR, TextEncoder
from vigie.graphs import Floats
from vigie.platt import Calibration
from vigie.predictor import Probabilities
from vigie.saved_model import SAVED_MODEL, SavedModelEncoder

BOOSTER = "booster.txt"

Features = Callable[[Sequence[str]], Floats]
"""Of n texts: `[n, d]`."""


class BoostedVectors:
    """The encoder's features, the booster over them, and the calibration."""

    def __init__(self, features: Features, booster: lightgbm.Booster, calibration: Calibration) -> None:
        self._features = features
        self._booster = booster
        self._calibration = calibration

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when a file is not what it should be."""
        features = open_features(directory)
        try:
            booster = lightgbm.Booster(model_str=(directory / BOOSTER).read_text("utf-8"))
        except (OSError, ValueError, lightgbm.basic.LightGBMError) as error:
            raise ArtifactError(
                f"{BOOSTER}: not trees in LightGBM's text format, must not be loaded: {error}"
            ) from error
        return cls(features, booster, Calibration.load(directory))

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`."""
        if not texts:
            return np.zeros(0, np.float32)
        found = self._booster.predict(self._features(texts), raw_score=True, num_threads=1)
        return self._calibration.negative(np.asarray(found))


def open_features(directory: Path) -> Features:
    """What trees see, by the encoder in a folder: a SavedModel's vectors, or a `TextEncoder`'s with its own score."""
    if (directory / SAVED_MODEL).is_dir():
        return SavedModelEncoder.load(directory / SAVED_MODEL).vectors
    encoder = TextEncoder.load(directory)

    def features(texts: Sequence[str]) -> Floats:
        vectors, scores = encoder.run(texts, [SENTENCE_VECTOR, SCORE])
        return np.column_stack([vectors, scores])

    return features
