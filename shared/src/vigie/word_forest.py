"""A random forest over word vectors: one code path for fitting and serving."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from vigie.platt import Calibration
from vigie.predictor import Probabilities
from vigie.trees import Forest
from vigie.word_features import Leanings, WordFeatures
from vigie.words import WordVectors

TEXTS_TOGETHER = 512


class WordForest:
    """What a text is turned into, the trees that look at it, and the calibration of what they say."""

    def __init__(self, features: WordFeatures, forest: Forest, calibration: Calibration) -> None:
        self._features = features
        self._forest = forest
        self._calibration = calibration

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when a file is not what `save` writes."""
        features = WordFeatures(WordVectors.load(directory), Leanings.load(directory))
        return cls(features, Forest.load(directory), Calibration.load(directory))

    def save(self, directory: Path) -> None:
        """Writes `words.npz`, `leanings.npz`, `forest.npz` and `calibration.json`."""
        self._features.vectors.save(directory)
        self._features.leanings.save(directory)
        self._forest.save(directory)
        self._calibration.save(directory)

    def scores(self, texts: Sequence[str]) -> Probabilities:
        """The log-odds of *positive* by the trees alone, for n texts: `[n]`."""
        parts = [np.zeros(0)]
        for start in range(0, len(texts), TEXTS_TOGETHER):
            shares = self._forest.mean(self._features.rows(texts[start : start + TEXTS_TOGETHER]))
            shares = np.clip(shares, 1e-4, 1 - 1e-4)
            parts.append(np.log(shares / (1 - shares)))
        return np.concatenate(parts).astype(np.float32)

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`."""
        return self._calibration.negative(self.scores(texts))
