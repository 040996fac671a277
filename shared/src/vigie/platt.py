"""A calibration kept beside a model: a line through its scores (Platt 1999)."""

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from vigie.artifacts import ArtifactError
from vigie.predictor import Probabilities

CALIBRATION = "calibration.json"


class Calibration(BaseModel):
    """P(positive) = 1 / (1 + exp(-(slope * score + shift)))."""

    model_config = ConfigDict(frozen=True)

    slope: FiniteFloat
    shift: FiniteFloat

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when `calibration.json` is not what `save` writes."""
        try:
            return cls.model_validate_json((directory / CALIBRATION).read_bytes())
        except (OSError, ValidationError) as error:
            raise ArtifactError(f"{CALIBRATION}: expected a finite slope and shift: {error}") from error

    def save(self, directory: Path) -> None:
        """Writes `calibration.json`."""
        (directory / CALIBRATION).write_text(self.model_dump_json(), encoding="utf-8")

    def negative(self, scores: npt.NDArray[np.floating]) -> Probabilities:
        """The probability of *negative* of n scores that speak for *positive*: `float32`, shape `[n]`."""
        return np.asarray(1 / (1 + np.exp(self.slope * scores.astype(np.float64) + self.shift)), np.float32)
