"""Signed links: only what was signed here, and only for a week."""

import pytest

from alerting.links import VALID_MS, Action, ActionBook
from vigie.errors import NotFound

NOW = 1_795_435_200_000
BOOK = ActionBook(b"k" * 32)
SILENCE = Action(kind="silence", alert_key="a" * 40, scope="all", rule="errors", hours=24, until_ms=NOW + VALID_MS)


def test_what_was_signed_can_be_read_until_its_end() -> None:
    token = BOOK.sign(SILENCE)
    assert BOOK.read(token, NOW) == BOOK.read(token, SILENCE.until_ms) == SILENCE
    with pytest.raises(NotFound, match="older than a week"):
        BOOK.read(token, SILENCE.until_ms + 1)


@pytest.mark.parametrize(
    "change", [lambda t: t[1:], lambda t: t[:-1], lambda t: "", lambda t: "é" + t, lambda t: t + "."]
)
def test_a_changed_token_is_not_ours(change: object) -> None:
    assert callable(change)
    with pytest.raises(NotFound, match="not made here"):
        BOOK.read(change(BOOK.sign(SILENCE)), NOW)


def test_another_installation_signs_otherwise() -> None:
    with pytest.raises(NotFound):
        BOOK.read(ActionBook(b"x" * 32).sign(SILENCE), NOW)
