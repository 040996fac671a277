"""Variants of texts for a small model to learn from."""

from vigie_training.variants import variants

TEXTS = [f"the crew of flight {number} was kind but the bag was late" for number in range(2000)] + ["", " ", "late"]


def test_there_is_one_of_each_text_and_the_seed_alone_decides() -> None:
    found = variants(TEXTS, seed=1)
    assert len(found) == len(TEXTS)
    assert found == variants(TEXTS, seed=1)
    assert found != variants(TEXTS, seed=2)


def test_they_hold_words_of_the_texts_and_most_differ_from_theirs() -> None:
    found = variants(TEXTS, seed=1)
    assert {word for text in found for word in text.split()} <= {word for text in TEXTS for word in text.split()}
    differ = sum(new != old for new, old in zip(found, TEXTS, strict=True))
    assert differ > 0.8 * len(TEXTS)


def test_a_text_with_words_never_becomes_empty_and_one_without_stays() -> None:
    found = variants(TEXTS, seed=1)
    assert all(text.strip() for text in found[:2000])
    assert found[2000:2002] == ["", " "]


def test_some_begin_like_their_text_and_end_like_another() -> None:
    left = [f"left{number}" for number in range(300)]
    found = variants([f"{word} a b c d" for word in left], seed=3)
    joined = [text for text in found if sum(word in set(left) for word in text.split()) == 2]
    assert 10 < len(joined) < 150
