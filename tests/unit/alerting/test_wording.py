"""The sentences of mails, word by word."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.wording import wording_in

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
    assert wording_in("en").duration(milliseconds) == said


def test_the_subject_has_scope_and_count() -> None:
    words = wording_in("en")
    assert words.subject(3, 252_000, "all") == "[Vigie] 3 wrong predictions within 4 min 12 s: all models"
    assert words.subject(1, 0, "logreg:7") == "[Vigie] 1 wrong prediction within 1 s: logreg version 7"


def test_one_is_not_many() -> None:
    words = wording_in("en")
    assert words.suppressed(1) == "Since the mail before, 1 more error met the rule and was kept quiet."
    assert words.suppressed(2) == "Since the mail before, 2 more errors met the rule and were kept quiet."
    assert words.people_say(1, 1) == "positive (1 person)"
    assert words.people_say(None, 3) == "wrong (3 people)"
    summary = words.summary(1, NOON, NOON, 1, 300_000)
    assert summary == (
        "On Monday 23 November 2026, at 12:00:00 UTC, people reported 1 prediction as wrong. "
        "The rule is 1 different prediction within less than 5 min."
    )


def test_french_says_the_same_with_its_own_numbers_and_names() -> None:
    words = wording_in("fr")
    assert (
        words.subject(1234, 90_000_000, "all") == "[Vigie] 1\u202f234 prédictions fausses en 1 j 1 h : tous les modèles"
    )
    assert words.day(1, 4000) == "Dernières 24 h : 1 prédiction fausse sur 4\u202f000 (0,0\u202f%)."
    assert words.times(NOON, NOON - timedelta(seconds=2.5)) == "signalé à 12:00:00 UTC, 2,5 s après la prédiction"
    assert words.digest(1, NOON).endswith(
        "Depuis le lundi 23 novembre 2026, 12:00:00 UTC, 1 alerte a été levée ; la voici."
    )
    assert len(words.steps(["logreg"])) == len(wording_in("en").steps(["logreg"])) == 5
