"""What a predictor says of words."""

from vigie.predictor import heaviest
from vigie.schemas import WordWeight


def test_words_are_added_up_and_ordered_by_weight_whatever_its_sign() -> None:
    said = [("late", -1.0), ("good", 0.5), ("late", -0.25), ("a", 0.0), ("crew", 2.0)]
    found = heaviest([WordWeight(word=word, weight=weight) for word, weight in said], most=2)
    assert [(each.word, each.weight) for each in found] == [("crew", 2.0), ("late", -1.25)]


def test_words_that_weigh_nothing_are_left_out() -> None:
    assert heaviest([WordWeight(word="a", weight=0.0)]) == []
