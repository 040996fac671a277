"""Receipts: what was signed is read back; anything else is unknown."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.errors import NotFound
from vigie.receipts import ReceiptBook, label_of

BOOK = ReceiptBook(b"k" * 32)


@given(
    text=st.text(max_size=300),
    model=st.text("abcdefgh-", min_size=1, max_size=20),
    version=st.text("0123456789", min_size=1, max_size=6),
    probability=st.floats(0, 1, width=32),
    created_ms=st.integers(0, 2**47),
)
def test_what_was_signed_is_read_back(text: str, model: str, version: str, probability: float, created_ms: int) -> None:
    token = BOOK.issue(text, model=model, version=version, probability_negative=probability, created_ms=created_ms)
    receipt = BOOK.read(token)
    assert (receipt.model, receipt.version, receipt.created_ms) == (model, version, created_ms)
    assert receipt.probability_negative == probability
    assert receipt.label == label_of(probability)
    assert receipt.text_digest == BOOK.digest(text)


def test_two_receipts_for_the_same_prediction_differ() -> None:
    tokens = {BOOK.issue("a", model="logreg", version="1", probability_negative=0.5, created_ms=1) for _ in range(100)}
    assert len(tokens) == 100


@given(position=st.integers(0, 200), character=st.sampled_from("ABCxyz019-_"))
def test_a_changed_receipt_is_unknown(position: int, character: str) -> None:
    token = BOOK.issue("a", model="logreg", version="1", probability_negative=0.5, created_ms=1)
    position %= len(token)
    forged = token[:position] + character + token[position + 1 :]
    if forged != token:
        with pytest.raises(NotFound):
            BOOK.read(forged)


def test_a_receipt_of_another_key_is_unknown() -> None:
    token = ReceiptBook(b"x" * 32).issue("a", model="logreg", version="1", probability_negative=0.5, created_ms=1)
    with pytest.raises(NotFound, match="no such prediction_id"):
        BOOK.read(token)


@pytest.mark.parametrize("token", ["", "x", "é", "=", "AAAA", "a" * 400, base64.urlsafe_b64encode(b"\1" * 60).decode()])
def test_anything_else_is_unknown(token: str) -> None:
    with pytest.raises(NotFound):
        BOOK.read(token)
