"""Words and their vectors: the same as gensim's, from nothing but arrays."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.words import small_vectors
from vigie.artifacts import ArtifactError
from vigie.words import WORDS_FILE, WordVectors, bucket_numbers, read_arrays, words_of
from vigie_training.word_vectors import fit_word_vectors

TEXTS = ["late again, so late :(", "lovely crew!!! thank you", "né à l'aéroport", "sooooo late", "it's ok"] * 4


def test_words_emoticons_and_marks_are_kept_apart_and_long_runs_are_cut() -> None:
    assert words_of("SOOOOO late :( it's @united's fault!!!!")[:5] == ["sooo", "late", ":(", "it's", "@"]
    assert words_of("ok <3") == ["ok", "<3"]
    assert words_of(" ") == []


def test_vectors_of_known_and_unknown_words_are_gensims() -> None:
    from gensim.models import FastText  # noqa: PLC0415

    buckets = 500
    model = FastText(
        sentences=[words_of(text) for text in TEXTS],
        vector_size=8,
        min_count=1,
        min_n=3,
        max_n=5,
        bucket=buckets,
        seed=1,
        workers=1,
    )
    mine = WordVectors(
        model.wv.index_to_key,
        model.wv.vectors.astype(np.float16),
        model.wv.vectors_ngrams.astype(np.float16),
    )
    for word in ("late", "lateness", "aéroports", "ok"):
        lookup = mine.look_up([word])
        np.testing.assert_allclose(mine.of(lookup)[0], model.wv.get_vector(word), atol=2e-3)


def test_the_same_texts_and_seed_give_the_same_vectors() -> None:
    first, second = (fit_word_vectors(TEXTS, width=4, epochs=1, seed=3, fewest=1, buckets=100) for _ in range(2))
    assert first.vocabulary == second.vocabulary
    assert (first.vectors == second.vectors).all()


def test_a_table_survives_being_written(tmp_path: Path) -> None:
    vectors = small_vectors()
    vectors.save(tmp_path)
    again = WordVectors.load(tmp_path)
    assert again.vocabulary == vectors.vocabulary
    np.testing.assert_array_equal(
        again.of(again.look_up(["late zeppelin"])), vectors.of(vectors.look_up(["late zeppelin"]))
    )


def test_a_word_too_short_for_an_n_gram_still_has_one_of_its_edges() -> None:
    assert len(bucket_numbers("a", 100)) == 1
    assert bucket_numbers("", 100) == ()


def test_arrays_of_another_kind_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / WORDS_FILE, vectors=np.zeros((2, 2)))
    with pytest.raises(ArtifactError, match="expected float16, got float64"):
        read_arrays(tmp_path / WORDS_FILE, {"vectors": "float16"})
    with pytest.raises(ArtifactError, match="must not be loaded"):
        read_arrays(tmp_path / WORDS_FILE, {"other": "float16"})


def test_vectors_that_do_not_fit_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="expected vectors"):
        WordVectors(["a"], np.zeros((2, 2), np.float16), np.zeros((3, 2), np.float16))
