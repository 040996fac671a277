"""A text network from a tokenizer and a graph."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.graphs import write_encoder, write_foreign_graph
from vigie.artifacts import ArtifactError
from vigie.encoder import GRAPH, PLACES_TOGETHER, SCORE, SENTENCE_VECTOR, TOKENIZER, TextEncoder, padded


@pytest.fixture
def encoder(tmp_path: Path) -> TextEncoder:
    """A small one."""
    write_encoder(tmp_path)
    return TextEncoder.load(tmp_path)


def test_scores_come_in_the_order_of_the_texts_whatever_their_length(encoder: TextEncoder) -> None:
    texts = ["late " * (number % 7 + 1) + "crew" for number in range(900)]
    together = encoder.run(texts, [SCORE])[0]
    alone = np.concatenate([encoder.run([text], [SCORE])[0] for text in texts[:20]])
    np.testing.assert_allclose(together[:20], alone, atol=1e-6)
    assert together.shape == (900,)


class Watched:
    """A tokenizer with a token for each letter, and a graph that adds up a text's tokens; `shapes` are its batches."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []
        self.masked: list[list[int]] = []

    def encode_batch_fast(self, texts: list[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(ids=[ord(letter) for letter in text]) for text in texts]

    def run(self, outputs: list[str], inputs: dict[str, npt.NDArray[np.int64]]) -> list[npt.NDArray[np.float32]]:
        self.shapes.append(inputs["input_ids"].shape)
        self.masked.append(inputs["attention_mask"].sum(axis=1).tolist())
        return [inputs["input_ids"].sum(axis=1).astype(np.float32) for _ in outputs]


@given(lengths=st.lists(st.integers(1, 1500), max_size=80))
def test_batches_are_of_texts_of_similar_length_and_bounded_by_their_tokens(lengths: list[int]) -> None:
    watched: Any = Watched()
    texts = ["ab"[number % 2] * length for number, length in enumerate(lengths)]
    (scores,) = TextEncoder(watched, watched).run(texts, [SCORE])
    assert scores.tolist() == [sum(map(ord, text)) for text in texts]
    assert all(rows == 1 or rows * longest <= PLACES_TOGETHER for rows, longest in watched.shapes)
    if texts:
        assert [length for batch in sorted(map(sorted, watched.masked)) for length in batch] == sorted(lengths)


def test_no_text_and_a_text_without_words_are_no_trouble(encoder: TextEncoder) -> None:
    assert [part.shape for part in encoder.run([], [SENTENCE_VECTOR, SCORE])] == [(0, 2), (0,)]
    assert np.isfinite(encoder.run(["\u200d"], [SCORE])[0]).all()


def test_padding_is_masked() -> None:
    identifiers, mask = padded([[5, 6, 7], [8]])
    assert identifiers.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_a_foreign_operator_or_tokenizer_is_refused(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    write_foreign_graph(tmp_path / GRAPH)
    with pytest.raises(ArtifactError, match="must not be loaded"):
        TextEncoder.load(tmp_path)
    (tmp_path / TOKENIZER).write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match="not a tokenizer"):
        TextEncoder.load(tmp_path)
