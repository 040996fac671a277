"""A short soak, so that the long one is known to work; and what it calls a fault."""

import json
import signal
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from tests.soak.calamities import SERVICES, calamities
from tests.soak.memory import Sample, growth
from tests.soak.soak import soak
from tests.soak.tally import Copies, Mail, Tally, Vote, faults, further_copies, lost_votes

VOTE = Vote("p", "ada", "incorrect", "f")
GOOD = {"most_in_flight": 16, "lost": 0, "copies": Copies(0, 0), "alerts": 1, "mails": 1, "unsent": 0}


@pytest.mark.timeout(400)
def test_a_short_soak_loses_nothing(tmp_path: Path) -> None:
    report = soak(tmp_path / "var", seconds=25, seed=7)
    assert report.faults == [], report.table()
    assert report.endings
    assert min(report.tally.requests[path] for path in ("/predict", "/predict/batch", "/feedback")) > 0
    assert report.votes
    assert "no faults" in report.table()
    assert json.loads(report.as_json())["tally"]["requests"] == report.tally.requests


def test_every_service_has_its_turn_before_one_ends_again() -> None:
    first = list(islice(calamities(1), 2 * len(SERVICES)))
    assert Counter(each.service for each in first[: len(SERVICES)]) == Counter(SERVICES)
    assert {each.sign for each in first} == {signal.SIGTERM, signal.SIGKILL}
    assert first == list(islice(calamities(1), 2 * len(SERVICES)))


def test_growth_is_that_of_the_process_that_lived_longest_once_it_has_settled() -> None:
    old = [Sample(float(at), 1, 500.0) for at in range(5)]
    longest = [Sample(5.0 + at, 2, 50.0 + 10 * (at >= 2) + at) for at in range(11)]
    just_begun = [Sample(16.0 + at, 3, 10.0 * (at + 1)) for at in range(3)]
    found = growth([*old, *longest, *just_begun])
    assert (found.start_mb, found.end_mb, found.seconds, found.starts) == (62.0, 70.0, 8.0, 3)
    assert found.percent == pytest.approx(100 * 8 / 62)


def test_a_vote_is_lost_when_it_is_missing_or_another_one() -> None:
    assert lost_votes([VOTE], [VOTE]) == set()
    assert lost_votes([VOTE], []) == {VOTE}
    assert lost_votes([VOTE], [Vote("p", "ada", "correct", "f")]) == {VOTE}


def test_a_second_mail_is_excused_by_a_kill_at_the_hand_over_only() -> None:
    twice = [Mail("a", 100.0), Mail("a", 103.0)]
    assert further_copies(twice, []) == Copies(1, 0)
    assert further_copies(twice, [100.5]) == Copies(0, 1)
    assert further_copies(twice, [102.0]) == Copies(1, 0)
    assert further_copies([*twice, Mail("a", 104.0)], [100.5]) == Copies(1, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lost": 2}, "2 votes were answered and are not in the store"),
        ({"copies": Copies(1, 3)}, "1 mails came more than once"),
        ({"alerts": 0}, "expected at least one alert"),
        ({"mails": 0}, "expected a mail for each of 1 alerts, got 0"),
        ({"unsent": 1}, "1 mails are not sent"),
        ({"most_in_flight": 2}, "expected at most 2 requests to be cut off, got 3"),
    ],
)
def test_what_a_soak_fails_for(changed: dict[str, int | Copies], said: str) -> None:
    tally = Tally(in_flight=3)
    assert faults(tally, **GOOD) == []  # type: ignore[arg-type]
    (found,) = faults(tally, **(GOOD | changed))  # type: ignore[arg-type]
    assert said in found


def test_every_failure_counts_and_twenty_are_shown() -> None:
    found = faults(Tally(failures=[str(each) for each in range(25)]), **GOOD)  # type: ignore[arg-type]
    assert (len(found), found[-1]) == (21, "and 5 more failures")
