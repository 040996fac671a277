"""Trees by LightGBM over sentence vectors: one code path for fitting and serving."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import lightgbm
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from vigie.artifacts import ArtifactError
from vigie.encoder import SCORE, SENTENCE_VECTOR, Floats, TextEncoder
from vigie.predictor import Probabilities

BOOSTER = "booster.txt"
CALIBRATION = "calibration.json"


class Calibration(BaseModel):
    """P(positive) = 1 / (1 + exp(-(slope * score + shift)))."""

    model_config = ConfigDict(frozen=True)

    slope: float
    shift: float


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
            calibration = Calibration.model_validate_json((directory / CALIBRATION).read_bytes())
        except (OSError, ValueError, ValidationError, lightgbm.basic.LightGBMError) as error:
            raise ArtifactError(f"{BOOSTER} or {CALIBRATION}: expected what training writes: {error}") from error
        return cls(encoder, booster, calibration)

    @staticmethod
    def vectors_of(directory: Path, texts: Sequence[str]) -> Floats:
        """What the trees see of n texts, by the encoder in a folder: `[n, d + 1]`, the last column is its own score."""
        return _features(TextEncoder.load(directory), texts)

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`."""
        if not texts:
            return np.zeros(0, np.float32)
        found = self._booster.predict(_features(self._encoder, texts), raw_score=True, num_threads=1)
        scores = self._calibration.slope * np.asarray(found) + self._calibration.shift
        return np.asarray(1 / (1 + np.exp(scores)), np.float32)


def write_calibration(directory: Path, *, slope: float, shift: float) -> None:
    """Writes `calibration.json`."""
    (directory / CALIBRATION).write_text(json.dumps({"slope": slope, "shift": shift}), encoding="utf-8")


def _features(encoder: TextEncoder, texts: Sequence[str]) -> Floats:
    vectors, scores = encoder.run(texts, [SENTENCE_VECTOR, SCORE])
    return np.column_stack([vectors, scores])
