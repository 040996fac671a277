"""TF-IDF vectors over hashed n-grams and the logistic model on them: one code path for fitting and serving."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vigie.ngrams import COLUMNS, FIRST_CHARACTER_COLUMN, Counts, Integers, count_ngrams, locate_ngrams
from vigie.predictor import Probabilities
from vigie.schemas import WordWeight
from vigie.text import normalise

CHARACTER_SHARE = 0.5
_LOGARITHMS = 1 + np.log(np.arange(1, 4097, dtype=np.float32))

Floats = npt.NDArray[np.float32]


class Entries(NamedTuple):
    """A sparse matrix of TF-IDF values: row, position among the known columns, value."""

    documents: Integers
    positions: Integers
    values: Floats


class TfidfVectors:
    """Known columns and their inverse document frequencies.

    Term frequency is `1 + ln(count)`. The words of a text have Euclidean length 1, its character n-grams 0.5.
    """

    def __init__(self, columns: npt.NDArray[np.int32], idf: Floats) -> None:
        """`columns` `[k]` from `vigie.ngrams`, `idf` `[k]`; raises `ValueError` when they do not fit together."""
        if columns.ndim != 1 or columns.shape != idf.shape:
            raise ValueError(f"expected columns and idf of one shape [k], got {columns.shape!r} and {idf.shape!r}")
        if len(columns) and not (columns.min() >= 0 and columns.max() < COLUMNS):
            raise ValueError(f"expected columns from 0 to {COLUMNS - 1}, got {columns.min()} to {columns.max()}")
        self.columns = columns
        self.idf = idf.astype(np.float32)
        self._positions = np.full(COLUMNS, len(columns), np.int32)
        self._positions[columns] = np.arange(len(columns), dtype=np.int32)

    def entries(self, texts: Sequence[str]) -> Entries:
        """The matrix of n texts as they came: they are normalised here."""
        return self.weigh(count_ngrams([normalise(text) for text in texts]), len(texts))

    def weigh(self, counted: Counts, size: int) -> Entries:
        """The matrix of `size` counted texts."""
        positions = self._positions[counted.columns]
        known = (positions < len(self.columns)).nonzero()[0]
        positions, documents = positions[known], counted.documents[known]
        values = _LOGARITHMS[np.minimum(counted.counts[known], len(_LOGARITHMS)) - 1] * self.idf[positions]
        is_character = counted.columns[known] >= FIRST_CHARACTER_COLUMN
        groups = 2 * documents + is_character
        lengths = np.sqrt(np.bincount(groups, values * values, 2 * size)).astype(np.float32)
        lengths[1::2] /= CHARACTER_SHARE
        return Entries(documents, positions, values / lengths[groups])


class TfidfLogit:
    """A logistic regression on `TfidfVectors`; `weights` and `bias` speak for *positive*."""

    def __init__(self, vectors: TfidfVectors, weights: Floats, bias: float) -> None:
        """`weights` `[k]`; raises `ValueError` when there are not as many as columns or one is not finite."""
        if weights.shape != vectors.columns.shape:
            raise ValueError(f"expected weights of shape {vectors.columns.shape!r}, got {weights.shape!r}")
        if not (np.isfinite(weights).all() and np.isfinite(vectors.idf).all() and np.isfinite(bias)):
            raise ValueError("expected finite weights, idf and bias, got others")
        self.vectors = vectors
        self.weights = weights.astype(np.float32)
        self.bias = bias

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`, the same in any company."""
        documents, positions, values = self.vectors.entries(texts)
        scores = np.bincount(documents, values * self.weights[positions], len(texts)) + self.bias
        return np.asarray(1 / (1 + np.exp(scores)), np.float32)

    def explain(self, text: str) -> list[WordWeight]:
        """What each word of the text adds to the log-odds of *positive*, in order; with `bias` they add up to them.

        The share of an n-gram that stands in two words is halved between them.
        """
        words, columns, first, last = locate_ngrams(normalise(text))
        _, positions, values = self.vectors.entries([text])
        known = self.vectors.columns[positions]
        if not len(known):
            return [WordWeight(word=word, weight=0.0) for word in words]
        order = np.argsort(known)
        places = order[np.minimum(np.searchsorted(known, columns, sorter=order), len(known) - 1)]
        met = known[places] == columns
        shares = (values * self.weights[positions] / np.bincount(places[met], minlength=len(known)))[places[met]] / 2
        weights = np.bincount(first[met], shares, len(words)) + np.bincount(last[met], shares, len(words))
        return [WordWeight(word=word, weight=float(weight)) for word, weight in zip(words, weights, strict=True)]
