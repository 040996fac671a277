"""Runs a text network from an artefact: `tokenizer.json` and an ONNX graph, nothing that could execute code."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from vigie.artifacts import ArtifactError
from vigie.graphs import Floats, open_graph, run_each, threads
from vigie.predictor import Probabilities
from vigie.text import normalise

TOKENIZER = "tokenizer.json"
GRAPH = "encoder.onnx"
SCORE, SENTENCE_VECTOR = "score", "sentence_vector"
# A run costs as much as half a dozen tokens; what it makes of more than a few hundred does not fit into a processor's
# cache. Padding is computed in few places only (`unpadded.py` of the training), as in attention.
TOKENS_TOGETHER, TOKENS_APART, PLACES_TOGETHER = 256, 40, 512

Tokens = list[list[int]]
Inputs = dict[str, npt.NDArray[np.int64]]


class TextEncoder:
    """The graph takes `input_ids` and `attention_mask`, `int64` `[n, t]`; see `SCORE` and `SENTENCE_VECTOR`."""

    def __init__(self, tokenizer: Tokenizer, session: onnxruntime.InferenceSession) -> None:
        self._tokenizer = tokenizer
        self._session = session

    @classmethod
    def load(cls, directory: Path, graph: str = GRAPH) -> Self:
        """Raises `ArtifactError` when a file is not what it should be."""
        try:
            tokenizer = Tokenizer.from_buffer((directory / TOKENIZER).read_bytes())
        except Exception as error:  # tokenizers raises nothing more special
            raise ArtifactError(f"{TOKENIZER}: not a tokenizer: {error}") from error
        return cls(tokenizer, open_graph(directory / graph))

    def run(self, texts: Sequence[str], outputs: Sequence[str]) -> list[Floats]:
        """Each output for n texts: `SCORE` `[n]`, `SENTENCE_VECTOR` `[n, d]`. Texts are normalised here."""
        batches = list(self.batches(texts))
        parts = run_each(self._session, outputs, [inputs for _, inputs in batches])
        places = np.argsort(np.array([number for chosen, _ in batches for number in chosen], np.int64))
        return [
            np.concatenate([part[number] for part in parts])[places][: len(texts)] for number in range(len(outputs))
        ]

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Inputs]]:
        """What the graph is given for n texts: each time the numbers of some of them, and their inputs."""
        encoded = self._tokenizer.encode_batch_fast([normalise(text) for text in texts])
        tokens = [one.ids for one in encoded] or [[0]]
        for chosen in _batches(tokens):
            identifiers, mask = padded([tokens[number] for number in chosen])
            yield chosen, {"input_ids": identifiers, "attention_mask": mask}

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of *negative* for each of n texts, where `SCORE` is the log-odds of *positive*: `[n]`."""
        (scores,) = self.run(texts, [SCORE])
        return np.asarray(1 / (1 + np.exp(scores)), np.float32)


def padded(tokens: Tokens) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Identifiers and mask of n texts: `int64` `[n, t]`, t the longest of them."""
    longest = max(map(len, tokens))
    identifiers = np.zeros((len(tokens), longest), np.int64)
    mask = np.zeros((len(tokens), longest), np.int64)
    for row, found in enumerate(tokens):
        identifiers[row, : len(found)] = found
        mask[row, : len(found)] = 1
    return identifiers, mask


def _batches(tokens: Tokens) -> Iterator[list[int]]:
    """Numbers of texts of similar length, the longest first: as many tokens each time, every thread has its share."""
    total = sum(map(len, tokens))
    runs = max(1, -(-total // TOKENS_TOGETHER), min(threads(), total // TOKENS_APART))
    share = total / (runs if runs == 1 else runs + -runs % threads())
    batch: list[int] = []
    longest = before = 0
    shares = 1
    for number in sorted(range(len(tokens)), key=lambda each: -len(tokens[each])):
        length = len(tokens[number])
        full = before + length / 2 > share * shares
        if batch and (full or (len(batch) + 1) * longest > PLACES_TOGETHER):
            yield batch
            batch, shares = [], shares + full
        longest = longest if batch else length
        batch.append(number)
        before += length
    if batch:
        yield batch
