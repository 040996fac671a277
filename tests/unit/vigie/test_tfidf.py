"""TF-IDF vectors and the logistic model on them."""

import numpy as np
import pytest

from vigie.ngrams import COLUMNS, FIRST_CHARACTER_COLUMN, count_ngrams
from vigie.tfidf import CHARACTER_SHARE, TfidfLogit, TfidfVectors

TEXTS = ["late again, not happy", "lovely crew! lovely tea", "", "😀 @someone &amp; co"]


def everything_in(texts: list[str], idf: float = 1.0) -> TfidfVectors:
    """Vectors that know every column of these texts."""
    columns = np.unique(count_ngrams(texts).columns).astype(np.int32)
    return TfidfVectors(columns, np.full(len(columns), idf, np.float32))


def test_words_have_length_one_and_characters_their_share() -> None:
    vectors = everything_in(TEXTS, idf=3.0)
    found = vectors.entries(TEXTS)
    character = vectors.columns[found.positions] >= FIRST_CHARACTER_COLUMN
    for document in (0, 1):
        mine = found.documents == document
        assert np.linalg.norm(found.values[mine & ~character]) == pytest.approx(1, abs=1e-6)
        assert np.linalg.norm(found.values[mine & character]) == pytest.approx(CHARACTER_SHARE, abs=1e-6)


def test_unknown_columns_are_left_out() -> None:
    vectors = everything_in(["late"])
    assert len(vectors.entries(["completely different"]).values) == 0


def test_a_text_of_which_nothing_is_known_gets_the_bias_alone() -> None:
    vectors = everything_in(["late"])
    model = TfidfLogit(vectors, np.ones(len(vectors.columns), np.float32), 1.0)
    assert model.predict(["xyz", ""]) == pytest.approx([1 / (1 + np.e)] * 2)
    assert model.predict([]).shape == (0,)


def test_a_positive_weight_makes_negative_less_probable_and_company_changes_nothing() -> None:
    vectors = everything_in(TEXTS)
    rng = np.random.default_rng(5)
    model = TfidfLogit(vectors, rng.normal(size=len(vectors.columns)).astype(np.float32), 0.0)
    together = model.predict(TEXTS)
    assert together.dtype == np.float32
    assert together.tolist() == [float(model.predict([text])[0]) for text in TEXTS]
    brighter = TfidfLogit(vectors, model.weights + 1, 0.0)
    assert (brighter.predict(TEXTS[:2]) < together[:2]).all()


@pytest.mark.parametrize(
    ("columns", "size"),
    [([-1], 1), ([COLUMNS], 1), ([1, 2], 1), ([[1]], 1)],
)
def test_columns_that_cannot_be_are_refused(columns: list[int], size: int) -> None:
    with pytest.raises(ValueError, match="expected columns"):
        TfidfVectors(np.array(columns, np.int32), np.ones(size, np.float32))


@pytest.mark.parametrize(("weights", "bias"), [([1.0, 2.0], 0.0), ([np.nan], 0.0), ([1.0], np.inf)])
def test_weights_that_cannot_be_are_refused(weights: list[float], bias: float) -> None:
    vectors = TfidfVectors(np.array([7], np.int32), np.ones(1, np.float32))
    with pytest.raises(ValueError, match="expected"):
        TfidfLogit(vectors, np.array(weights, np.float32), bias)


@pytest.mark.parametrize("text", [*TEXTS, "not late, not late; tea tea tea", "nothing known here: zzz"])
def test_the_weights_of_the_words_and_the_bias_add_up_to_the_log_odds(text: str) -> None:
    vectors = everything_in(TEXTS)
    rng = np.random.default_rng(7)
    model = TfidfLogit(vectors, rng.normal(size=len(vectors.columns)).astype(np.float32), 0.25)
    negative = float(model.predict([text])[0])
    explained = sum(each.weight for each in model.explain(text)) + model.bias
    assert explained == pytest.approx(np.log((1 - negative) / negative), abs=1e-4)


def test_a_word_that_nothing_is_known_of_weighs_nothing() -> None:
    vectors = everything_in(["late"])
    model = TfidfLogit(vectors, np.ones(len(vectors.columns), np.float32), 0.0)
    assert [(each.word, each.weight > 0) for each in model.explain("qqq late")] == [("qqq", False), ("late", True)]
