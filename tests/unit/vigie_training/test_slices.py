"""Kinds of tweets."""

import numpy as np
import pytest

from tests.support.rows import rows
from vigie_training.evaluate import evaluate
from vigie_training.slices import SLICES, by_slice

SHORT = "short (under 50 characters)"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("I don't like it", {"negation", SHORT}),
        ("cant believe it :(", {"negation", "emoji or emoticon", SHORT}),
        (
            "@united my BAG is LOST #fail",
            {"airline", "hashtag", "two words in capitals", SHORT},
        ),
        ("why?", {"question", SHORT}),
        ("lovely \U0001f600 " + "x" * 120, {"emoji or emoticon", "long (over 120 characters)"}),
        ("she didn\u2019t", {"negation", SHORT}),
        ("he don`t", {"negation", SHORT}),
        ("it wasnt, it doesnt, we couldnt", {"negation", SHORT}),
        ("i want a wing", {SHORT}),
        ("see https://t.co/ABC?q=DEF#not by 8pm (8)", {SHORT}),
        ("note:Please 10:30", {SHORT}),
        ("good:) really :-/", {"emoji or emoticon", SHORT}),
        ("notable knots in a cotton notebook, all of them unremarkable", set()),
    ],
)
def test_a_tweet_is_of_these_kinds(text: str, kinds: set[str]) -> None:
    assert {name for name, holds in SLICES.items() if holds(text)} == kinds


def test_each_slice_has_its_own_figures() -> None:
    given = rows([("not good", 0), ("not bad", 1), ("why?", 1)])
    found = by_slice(evaluate(lambda _: np.array([0.9, 0.8, 0.1], np.float32), given)).set_index("slice")
    assert found.loc["negation", "rows"] == 2
    assert found.loc["negation", "accuracy"] == 0.5
    assert found.loc["negation", "macro_recall"] == 0.5
    assert found.loc["question", "accuracy"] == 1.0
    assert found["macro_recall"].isna()["question"]
    assert found.loc["airline", "rows"] == 0
