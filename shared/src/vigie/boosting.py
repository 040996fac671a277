"""Trees by LightGBM over sentence vectors: one code path for fitting and serving."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import lightgbm
import numpy as np

from vigie.artifacts import ArtifactError
from vigie.encoder import SCORE, SENTENCE_VECTOR, Floats, TextEncoder
from vigie.platt import Calibration
from vigie.predictor import Probabilities

BOOSTER = "booster.txt"


class BoostedVectors:
    """The encoder, the booster over its vectors and scores, and the calibration."""

    def __init__(self, encoder: TextEncoder, booster: lightgbm.Booster, calibration: Calibration) -> None:
        self._encoder = encoder
        self._booster = booster
        self._calibration = calibration

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when a file is not what it should be."""
        encoder = TextEncoder.load(directory)
        try:
            booster = lightgbm.Booster(model_str=(directory / BOOSTER).read_text("utf-8"))
        except (OSError, ValueError, lightgbm.basic.LightGBMError) as error:
            raise ArtifactError(
                f"{BOOSTER}: not trees in LightGBM's text format, must not be loaded: {error}"
            ) from error
        return cls(encoder, booster, Calibration.load(directory))

    @staticmethod
    def vectors_of(directory: Path, texts: Sequence[str]) -> Floats:
        """What the trees see of n texts, by the encoder in a folder: `[n, d + 1]`, the last column is its own score."""
        return _features(TextEncoder.load(directory), texts)

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`."""
        if not texts:
            return np.zeros(0, np.float32)
        found = self._booster.predict(_features(self._encoder, texts), raw_score=True, num_threads=1)
        return self._calibration.negative(np.asarray(found))


def _features(encoder: TextEncoder, texts: Sequence[str]) -> Floats:
    vectors, scores = encoder.run(texts, [SENTENCE_VECTOR, SCORE])
    return np.column_stack([vectors, scores])
