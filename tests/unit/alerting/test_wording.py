"""The sentences of mails: the same ones in both languages, and English ones word by word."""

from datetime import UTC, datetime
from inspect import signature
from typing import get_type_hints

import pytest

from alerting.english import English
from alerting.french import French
from alerting.wording import Wording, duration

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 s"),
        (1, "0.001 s"),
        (2500, "2.5 s"),
        (60_000, "1 min"),
        (252_999, "4 min 12 s"),
        (299_999, "4 min 59 s"),
        (300_000, "5 min"),
        (3_723_000, "1 h 2 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_durations_have_at_most_two_units(milliseconds: int, said: str) -> None:
    assert duration(milliseconds) == said


def test_the_subject_has_scope_and_count() -> None:
    words = English()
    assert words.subject(3, 252_000, "all") == "[Vigie] 3 wrong predictions within 4 min 12 s: all models"
    assert words.subject(1, 0, "logreg:7") == "[Vigie] 1 wrong prediction within 1 s: logreg version 7"


def test_one_is_not_many() -> None:
    words = English()
    assert words.suppressed(1) == "Since the mail before, 1 more error met the rule and was kept quiet."
    assert words.suppressed(2) == "Since the mail before, 2 more errors met the rule and were kept quiet."
    assert words.people_say(1, 1) == "positive (1 person)"
    assert words.people_say(None, 3) == "wrong (3 people)"
    summary = words.summary(1, NOON, NOON, 1, 300_000)
    assert summary == (
        "On Monday 23 November 2026, at 12:00:00 UTC, people reported 1 prediction as wrong. "
        "The rule is 1 different prediction within less than 5 min."
    )


@pytest.mark.parametrize("words", [English(), French()])
def test_both_languages_say_everything_that_a_mail_needs_and_nothing_else(words: Wording) -> None:
    said = {name: getattr(words, name) for name in dir(words) if not name.startswith("_")}
    wanted = set(get_type_hints(Wording)) | {name for name in vars(Wording) if not name.startswith("_")}
    assert said.keys() == wanted
    for name in wanted - set(get_type_hints(Wording)):
        assert signature(said[name]).parameters.keys() == signature(getattr(Wording, name)).parameters.keys() - {"self"}


def test_no_text_of_a_mail_is_empty_or_the_same_in_both_languages_by_mistake() -> None:
    french, english = French(), English()
    alike = {name for name in get_type_hints(Wording) if getattr(french, name) == getattr(english, name)}
    assert alike == set()
    assert all(getattr(words, name) for words in (french, english) for name in get_type_hints(Wording))
