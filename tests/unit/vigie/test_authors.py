"""Authors are told apart without being known."""

import pytest
from pydantic import SecretStr, ValidationError

from vigie.authors import AuthorBook, is_erased
from vigie.schemas import BatchRequest, PredictRequest

BOOK = AuthorBook(SecretStr("one secret"))


@pytest.mark.parametrize("written", ["@AirParis", "airparis", "  AIRPARIS ", "＠ＡｉｒＰａｒｉｓ"])
def test_a_handle_has_one_digest_however_it_is_written(written: str) -> None:
    assert BOOK.digest(written) == BOOK.digest("airparis")
    assert len(BOOK.digest(written)) == 32


def test_another_handle_or_another_secret_has_another_digest() -> None:
    others = {BOOK.digest("airparis2"), AuthorBook(SecretStr("another")).digest("airparis"), BOOK.digest("airparis")}
    assert len(others) == 3
    assert all("airparis" not in digest for digest in others)


@pytest.mark.parametrize("author", ["@", "＠", " @ "])
def test_a_handle_that_nobody_can_have_is_refused(author: str) -> None:
    with pytest.raises(ValidationError, match="expected a name, with or without @"):
        PredictRequest(text="late again", author=author)
    with pytest.raises(ValidationError, match="expected a name, with or without @"):
        BatchRequest(texts=["late", "again"], author=["@ann", author])


@pytest.mark.parametrize("author", ["ann", "bob", None])
@pytest.mark.parametrize("answered_ms", [0, 999, 1_000, 1_001])
def test_an_erasure_is_of_what_was_answered_by_then(author: str | None, answered_ms: int) -> None:
    assert is_erased(author, answered_ms, {"ann": 1_000}) == (author == "ann" and answered_ms <= 1_000)
