"""A bidirectional LSTM over word vectors, from an ONNX graph and NumPy arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vigie.predictor import Probabilities
from vigie.word_network import WordNetwork


class LstmPredictor:
    """The model as training left it."""

    def __init__(self, model: WordNetwork) -> None:
        self._model = model

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads `words.npz` and `network.onnx`; raises `ArtifactError` when one is not what it should be."""
        return cls(WordNetwork.load(directory))

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        return self._model.predict(texts)
