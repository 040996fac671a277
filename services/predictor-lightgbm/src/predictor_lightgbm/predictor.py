"""Boosted trees over sentence vectors, from LightGBM's text format, an ONNX graph and a tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vigie import occlusion
from vigie.boosting import BoostedVectors
from vigie.predictor import InTime, Probabilities, always
from vigie.schemas import WordWeight


class LightgbmPredictor:
    """The model as training left it."""

    def __init__(self, model: BoostedVectors) -> None:
        self._model = model

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the sentence encoder, `booster.txt` and `calibration.json`; raises `ArtifactError`."""
        return cls(BoostedVectors.load(directory))

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        return self._model.predict(texts)

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        """For each of n texts the words that weighed most, the heaviest first; see `occlusion.explain`."""
        return occlusion.explain(self.predict, texts, in_time)
