"""What a word weighs when it is left out, against a model whose weights are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from vigie.errors import DeadlineExceeded
from vigie.occlusion import CHARACTERS_TOGETHER, MOST_WORDS, explain
from vigie.predictor import Probabilities

WEIGHTS = {"great": 1.5, "late": -2.0, "bag": -0.25}


def predict(texts: Sequence[str]) -> Probabilities:
    """Log odds of positive are 0.1 and the weights of all words."""
    odds = [0.1 + sum(WEIGHTS.get(word.strip("!.,"), 0) for word in text.lower().split()) for text in texts]
    return np.asarray(1 / (1 + np.exp(odds)), np.float32)


def test_a_words_weight_is_what_it_adds_to_the_log_odds() -> None:
    (found,) = explain(predict, ["Great, late again. LATE! my bag"])
    assert [each.word for each in found] == ["late", "great", "bag"]
    weights = {each.word: each.weight for each in found}
    assert weights["late"] == pytest.approx(-4.0, abs=1e-3)
    assert weights["bag"] == pytest.approx(-0.25, abs=1e-3)
    assert "my" not in weights


def test_texts_without_words_and_long_ones_are_bounded() -> None:
    assert explain(predict, ["!?", "..."]) == [[], []]
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> Probabilities:
        asked.append(len(texts))
        return predict(texts)

    explain(counted, [" ".join(map(str, range(500)))])
    assert sum(asked) == 1 + MOST_WORDS


def test_a_tweet_is_explained_at_once_and_a_long_text_bit_by_bit_with_the_same_weights() -> None:
    asked: list[Sequence[str]] = []

    def noted(texts: Sequence[str]) -> Probabilities:
        asked.append(texts)
        return predict(texts)

    tweet = "Great, late again. LATE! my bag"
    (found,) = explain(noted, [tweet])
    assert len(asked) == 1
    asked.clear()
    (same,) = explain(noted, [f"{tweet} {'!' * 2000}"])
    assert same == found
    assert len(asked) > 1
    assert all(sum(map(len, texts)) <= CHARACTERS_TOGETHER for texts in asked)


def test_no_more_is_computed_once_there_is_no_more_time() -> None:
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> Probabilities:
        asked.append(len(texts))
        return predict(texts)

    with pytest.raises(DeadlineExceeded, match="after 8 of 61 predictions"):
        explain(counted, [" ".join(map(str, range(500))), "another"], lambda: len(asked) < 2)
    assert asked == [4, 4]


def test_a_model_that_is_certain_gives_finite_weights() -> None:
    (found,) = explain(lambda texts: np.array([float("late" in text) for text in texts], np.float32), ["late again"])
    assert all(abs(each.weight) < 100 for each in found)
