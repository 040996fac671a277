"""A recurrent network over word vectors, as an ONNX graph: one code path for fitting and serving."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import onnxruntime

from vigie.graphs import open_graph, run_each, threads
from vigie.predictor import Probabilities
from vigie.words import Floats, WordVectors

NETWORK = "network.onnx"
VECTORS, LENGTHS, SCORE = "vectors", "lengths", "score"
LONGEST = 60
TEXTS_TOGETHER, TEXTS_APART = 64, 8


class WordNetwork:
    """The graph takes `vectors` `[n, t, d]` and `lengths` `int32` `[n]`; its `score` `[n]` speaks for *positive*."""

    def __init__(self, vectors: WordVectors, session: onnxruntime.InferenceSession) -> None:
        self._vectors = vectors
        self._session = session

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises `ArtifactError` when a file is not what it should be."""
        return cls(WordVectors.load(directory), open_graph(directory / NETWORK))

    def scores(self, texts: Sequence[str]) -> Floats:
        """The graph's score of n texts as they came: `[n]`."""
        sequences = word_sequences(self._vectors, texts)
        order = sorted(range(len(sequences)), key=lambda number: len(sequences[number]))
        size = min(TEXTS_TOGETHER, max(TEXTS_APART, -(-len(order) // threads())))
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        padded = (padded_vectors([sequences[number] for number in chosen]) for chosen in parts)
        found = run_each(self._session, [SCORE], ({VECTORS: vectors, LENGTHS: counts} for vectors, counts in padded))
        scores = np.zeros(len(texts), np.float32)
        for chosen, (each,) in zip(parts, found, strict=True):
            scores[chosen] = each
        return scores

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts: `float32`, shape `[n]`."""
        return np.asarray(1 / (1 + np.exp(self.scores(texts))), np.float32)


def word_sequences(vectors: WordVectors, texts: Sequence[str]) -> list[Floats]:
    """The vectors `[words, d]` of the first `LONGEST` words of each text; a text without words is one zero vector."""
    lookup = vectors.look_up(texts)
    parts = np.split(vectors.of(lookup), lookup.ends[:-1])
    nothing = np.zeros((1, vectors.width), np.float32)
    return [part[:LONGEST] if len(part) else nothing for part in parts[: len(texts)]]


def padded_vectors(sequences: Sequence[Floats]) -> tuple[Floats, npt.NDArray[np.int32]]:
    """`vectors` `[n, t, d]`, zero beyond a text's end, and `lengths` `[n]`."""
    lengths = np.array([len(each) for each in sequences], np.int32)
    vectors = np.zeros((len(sequences), int(lengths.max()), sequences[0].shape[1]), np.float32)
    for row, each in enumerate(sequences):
        vectors[row, : len(each)] = each
    return vectors, lengths
