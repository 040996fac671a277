"""Counting n-grams: the same as a slow, plain count, in any company."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.ngrams import COLUMNS, FIRST_CHARACTER_COLUMN, LONGEST_TEXT, count_ngrams, locate_ngrams
from vigie.text import normalise

TWEETS = st.text(st.sampled_from("aabcot n'!.@é😀❤İ1") | st.characters(), max_size=40).map(normalise)


def counted(texts: list[str]) -> list[dict[int, int]]:
    """Column to count, for each text."""
    result: list[dict[int, int]] = [{} for _ in texts]
    for document, column, count in zip(*(array.tolist() for array in count_ngrams(texts)), strict=True):
        result[document][column] = count
    return result


def word_columns(text: str) -> list[int]:
    """Counts of the words, pairs and negated words of one text."""
    return sorted(count for column, count in counted([text])[0].items() if column < FIRST_CHARACTER_COLUMN)


@given(st.lists(TWEETS, max_size=8))
def test_a_text_counts_the_same_in_any_company(texts: list[str]) -> None:
    assert counted(texts) == [counted([text])[0] for text in texts]


@given(st.lists(TWEETS, max_size=4))
def test_entries_are_sorted_unique_and_within_the_columns(texts: list[str]) -> None:
    documents, columns, counts = count_ngrams(texts)
    keys = documents * COLUMNS + columns
    assert (np.diff(keys) > 0).all()
    assert ((columns >= 0) & (columns < COLUMNS) & (counts > 0)).all()


@given(st.lists(st.sampled_from(["sky", "seat", "delay", "crew", "tea", "late"]), min_size=1, max_size=12))
def test_words_and_pairs_are_counted_as_by_hand(words: list[str]) -> None:
    by_hand = [*Counter(words).values(), *Counter(pairwise(words)).values()]
    assert word_columns(" ".join(words)) == sorted(by_hand)


@given(st.text("abc ", max_size=30).map(normalise))
def test_character_ngrams_are_counted_as_by_hand(text: str) -> None:
    squeezed = f" {text} "
    for letter in "abc":
        while letter * 4 in squeezed:
            squeezed = squeezed.replace(letter * 4, letter * 3)
    grams = [squeezed[at : at + n] for n in (3, 4, 5) for at in range(len(squeezed) - n + 1)]
    by_hand = Counter(gram for gram in grams if " " not in gram[1:-1])
    found = [count for column, count in counted([text])[0].items() if column >= FIRST_CHARACTER_COLUMN]
    assert sorted(found) == sorted(by_hand.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Soooooo GOOD", "sooo good"), ("don't", "dont"), ("thanks @user", "thanks @"), ("LATE", "late")],
)
def test_spelling_that_says_the_same_counts_the_same(one: str, other: str) -> None:
    assert counted([one]) == counted([other])


def test_a_negation_marks_the_next_words_up_to_punctuation() -> None:
    assert len(word_columns("not good at all")) == 7 + 3
    assert len(word_columns("not . good at all")) == 9
    assert len(word_columns("not a b c d e f")) == 13 + 4


def test_a_negation_does_not_reach_into_the_next_text() -> None:
    assert counted(["not", "good"]) == [counted(["not"])[0], counted(["good"])[0]]


def test_no_texts_and_empty_texts_have_no_words() -> None:
    assert counted([]) == []
    assert [word_columns(text) for text in ("", " ")] == [[], []]


def test_a_text_longer_than_the_limit_is_read_up_to_it() -> None:
    assert counted(["İ" * 3 * LONGEST_TEXT, "ok"])[1] == counted(["ok"])[0]
    assert counted(["ab " * LONGEST_TEXT]) == counted([("ab " * LONGEST_TEXT)[:LONGEST_TEXT]])


@pytest.mark.parametrize("text", ["not good at all, sorryyyyy", "☂️ late. LATE late!!", "", "a", "don't @delta :)"])
def test_located_ngrams_are_those_that_are_counted(text: str) -> None:
    located = locate_ngrams(text)
    columns, counts = np.unique(located.columns, return_counts=True)
    counted = count_ngrams([text])
    assert (columns.tolist(), counts.tolist()) == (counted.columns.tolist(), counted.counts.tolist())
    assert (located.last - located.first).max(initial=0) <= 1


def test_an_ngram_stands_in_the_words_that_it_touches() -> None:
    both, first, last = locate_ngrams("late bag"), locate_ngrams("late"), locate_ngrams("bag")
    assert both.words == ["late", "bag"]
    in_first = set(both.columns[(both.first == 0) & (both.last == 0)].tolist())
    in_last = set(both.columns[(both.first == 1) & (both.last == 1)].tolist())
    assert (in_first, in_last) == (set(first.columns.tolist()), set(last.columns.tolist()))
    assert ((both.first == 0) & (both.last == 1)).sum() == 1, "the pair of words"
