"""A text network from a tokenizer and a graph."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.graphs import write_encoder, write_foreign_graph
from vigie.artifacts import ArtifactError
from vigie.encoder import GRAPH, SCORE, SENTENCE_VECTOR, TOKENIZER, TextEncoder, padded


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
