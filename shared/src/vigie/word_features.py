"""What a forest sees of a tweet: the weighted mean of its word vectors, and how its words and pairs lean."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vigie.artifacts import ArtifactError
from vigie.words import Floats, Integers, Lookup, WordVectors, read_arrays

LEANINGS_FILE = "leanings.npz"
PAIR_BUCKETS = 2**18
FEATURES_OF_A_LEANING = 6

_MIXER = 0x9E3779B1
_TAIL = 4


class Leanings(NamedTuple):
    """How words and pairs lean to *positive*, as log-odds: `[v]` known words, `[PAIR_BUCKETS]` pairs; `idf` `[v]`."""

    words: npt.NDArray[np.float16]
    pairs: npt.NDArray[np.float16]
    idf: npt.NDArray[np.float16]

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when the file is not what `save` writes."""
        found = cls(**read_arrays(directory / LEANINGS_FILE, dict.fromkeys(cls._fields, "float16")))
        if len(found.pairs) != PAIR_BUCKETS or len(found.words) != len(found.idf):
            raise ArtifactError(f"{LEANINGS_FILE}: expected {PAIR_BUCKETS} pairs and as many idf as words, got others")
        return found

    def save(self, directory: Path) -> None:
        """Writes `leanings.npz`."""
        np.savez_compressed(directory / LEANINGS_FILE, **self._asdict())


class Tokens(NamedTuple):
    """Words of n texts in a row: which text, which number in the vocabulary or -1; likewise the pairs' buckets."""

    texts: int
    documents: Integers
    numbers: Integers
    pair_documents: Integers
    pairs: Integers


def tokens_of(lookup: Lookup) -> Tokens:
    """Words and neighbouring pairs of known words."""
    size = len(lookup.ends)
    documents = np.repeat(np.arange(size), np.diff(lookup.ends, prepend=0))
    numbers = lookup.numbers
    neighbours = np.flatnonzero((documents[:-1] == documents[1:]) & (numbers[:-1] >= 0) & (numbers[1:] >= 0))
    pairs = (numbers[neighbours] * _MIXER + numbers[neighbours + 1]) * _MIXER % (2**31 - 1) % PAIR_BUCKETS
    return Tokens(size, documents, numbers, documents[neighbours], pairs)


def mean_vectors(vectors: Floats, tokens: Tokens, idf: Floats) -> Floats:
    """The mean `[n, d]` of word vectors `[words, d]`, each weighted by its inverse document frequency."""
    rarest = float(idf.max(initial=1.0))
    weights = np.where(tokens.numbers >= 0, idf[tokens.numbers], rarest).astype(np.float32)
    totals = np.zeros((tokens.texts, vectors.shape[1]), np.float32)
    starts = np.flatnonzero(np.diff(tokens.documents, prepend=-1))
    if len(starts):
        totals[tokens.documents[starts]] = np.add.reduceat(vectors * weights[:, None], starts, axis=0)
    sums = np.bincount(tokens.documents, weights, tokens.texts)[:, None]
    return np.asarray(totals / np.maximum(sums, 1e-6), np.float32)


def leaning_features(leanings: Leanings, tokens: Tokens) -> Floats:
    """`[n, 2 * FEATURES_OF_A_LEANING + 2]`: how words lean, how pairs lean, both together, how many words."""
    of_words = np.where(tokens.numbers >= 0, leanings.words[tokens.numbers], 0).astype(np.float64)
    of_pairs = leanings.pairs[tokens.pairs].astype(np.float64)
    words = _summary(of_words, tokens.documents, tokens.texts)
    pairs = _summary(of_pairs, tokens.pair_documents, tokens.texts)
    counts = np.bincount(tokens.documents, minlength=tokens.texts)
    return np.column_stack([words, pairs, words[:, 0] + pairs[:, 0], counts]).astype(np.float32)


class WordFeatures:
    """Everything a text is turned into: `[n, d + 14]`."""

    def __init__(self, vectors: WordVectors, leanings: Leanings):
        """Raises `ValueError` when there are not as many leanings as words."""
        if len(leanings.words) != len(vectors.vocabulary):
            raise ValueError(f"expected {len(vectors.vocabulary)} leanings, got {len(leanings.words)}")
        self.vectors = vectors
        self.leanings = leanings
        self._idf = leanings.idf.astype(np.float32)

    def rows(self, texts: Sequence[str]) -> Floats:
        """The features of n texts as they came."""
        lookup = self.vectors.look_up(texts)
        tokens = tokens_of(lookup)
        means = mean_vectors(self.vectors.of(lookup), tokens, self._idf)
        return np.hstack([means, leaning_features(self.leanings, tokens)])


def _summary(values: npt.NDArray[np.float64], documents: Integers, size: int) -> npt.NDArray[np.float64]:
    """Sum, mean, highest, lowest, sum of what leans clearly, sum of the last four: `[n, 6]`; 0 without values."""
    counts = np.bincount(documents, minlength=size)
    ends = np.cumsum(counts)
    total = np.bincount(documents, values, size)
    highest, lowest = np.zeros(size), np.zeros(size)
    np.maximum.at(highest, documents, values)
    np.minimum.at(lowest, documents, values)
    clear = np.bincount(documents, np.where(np.abs(values) > 0.5, values, 0), size)
    from_end = ends[documents] - np.arange(len(documents))
    tail = np.bincount(documents, np.where(from_end <= _TAIL, values, 0), size)
    return np.column_stack([total, total / np.maximum(counts, 1), highest, lowest, clear, tail])
