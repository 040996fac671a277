"""The sentences of mails, word by word."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.wording import wording_in
from vigie.wording import Language

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
    assert words.suppressed(1) == "No mail told of 1 more error that met the rule before and was kept quiet."
    assert words.suppressed(2) == "No mail told of 2 more errors that met the rule before and were kept quiet."
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


BEFORE_MIDNIGHT = datetime(2026, 11, 23, 23, 58, 10, tzinfo=UTC)
AFTER_MIDNIGHT = datetime(2026, 11, 24, 0, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "errors", "surge"),
    [
        (
            "en",
            "On Monday 23 November 2026, between 23:58:10 and Tuesday 24 November 2026, 00:01:05 UTC, ",
            "On Monday 23 November 2026, between 23:58 and Tuesday 24 November 2026, 00:01 UTC, ",
        ),
        (
            "fr",
            "Le lundi 23 novembre 2026, entre 23:58:10 et le mardi 24 novembre 2026, 00:01:05 UTC, ",
            "Le lundi 23 novembre 2026, entre 23:58 et le mardi 24 novembre 2026, 00:01 UTC, ",
        ),
    ],
)
def test_a_span_over_midnight_names_both_days(language: Language, errors: str, surge: str) -> None:
    words = wording_in(language)
    assert words.summary(3, BEFORE_MIDNIGHT, AFTER_MIDNIGHT, 3, 300_000).startswith(errors)
    assert words.surge_summary(9, 20, BEFORE_MIDNIGHT, AFTER_MIDNIGHT, 2.0).startswith(surge)


def test_the_same_time_of_two_days_is_not_one_moment() -> None:
    summary = wording_in("en").summary(3, NOON, NOON + timedelta(days=1), 3, 172_800_000)
    assert summary.startswith(
        "On Monday 23 November 2026, between 12:00:00 and Tuesday 24 November 2026, 12:00:00 UTC,"
    )


def test_the_next_mail_and_the_end_in_a_digest_name_their_day() -> None:
    english, french = wording_in("en"), wording_in("fr")
    until = AFTER_MIDNIGHT + timedelta(days=2)
    assert english.quiet_until(until) == (
        "No further mail of this kind before Thursday 26 November 2026, 00:01:05 UTC."
    )
    assert french.quiet_until(until) == "Pas d’autre mail de ce type avant le jeudi 26 novembre 2026, 00:01:05 UTC."
    assert english.over(until) == "over since Thursday 26 November 2026, 00:01:05 UTC"
    assert french.over(until) == "terminée depuis le jeudi 26 novembre 2026, 00:01:05 UTC"


def test_an_end_on_another_day_names_it() -> None:
    english, french = wording_in("en"), wording_in("fr")
    ended = NOON + timedelta(hours=45)
    assert english.resolved(NOON, NOON + timedelta(hours=1), 900_000).startswith(
        "The alert of Monday 23 November 2026, 12:00:00 UTC, is over since 13:00:00 UTC:"
    )
    assert english.resolved(NOON, ended, 900_000).startswith(
        "The alert of Monday 23 November 2026, 12:00:00 UTC, is over since Wednesday 25 November 2026, 09:00:00 UTC:"
    )
    assert french.resolved(NOON, ended, 900_000).startswith(
        "L’alerte du lundi 23 novembre 2026, 12:00:00 UTC, est terminée depuis le mercredi 25 novembre 2026, 09:00:00"
    )
    assert english.resolved(NOON, NOON, 900_000, first=False).startswith(
        "The alert of Monday 23 November 2026, 12:00:00 UTC, and those before it in this thread are over since"
    )
