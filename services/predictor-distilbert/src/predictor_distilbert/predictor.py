"""A tuned transformer, from an ONNX graph and a tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vigie.encoder import TextEncoder
from vigie.predictor import Probabilities


class DistilbertPredictor:
    """The graph's `score` is the log-odds of *positive*, calibrated."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads `tokenizer.json` and `encoder.onnx`; raises `ArtifactError` when one is not what it should be."""
        return cls(TextEncoder.load(directory))

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        return self._encoder.predict(texts)
