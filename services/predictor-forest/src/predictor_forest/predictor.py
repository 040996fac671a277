"""A random forest over word vectors, from NumPy arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vigie import occlusion
from vigie.predictor import InTime, Probabilities, always
from vigie.schemas import WordWeight
from vigie.word_forest import WordForest


class ForestPredictor:
    """The model as training left it."""

    def __init__(self, model: WordForest) -> None:
        self._model = model

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads `words.npz`, `leanings.npz`, `forest.npz` and `calibration.json`; raises `ArtifactError`."""
        return cls(WordForest.load(directory))

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        return self._model.predict(texts)

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        """For each of n texts the words that weighed most, the heaviest first; see `occlusion.explain`."""
        return occlusion.explain(self.predict, texts, in_time)
