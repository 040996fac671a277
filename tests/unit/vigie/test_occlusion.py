"""What a word weighs when it is left out, against a model whose weights are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from vigie.occlusion import MOST_WORDS, explain
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
    assert asked == [1 + MOST_WORDS]


def test_a_model_that_is_certain_gives_finite_weights() -> None:
    (found,) = explain(lambda texts: np.array([float("late" in text) for text in texts], np.float32), ["late again"])
    assert all(abs(each.weight) < 100 for each in found)
