"""When a challenger is stopped, on plain counts; and how often one that is as good as the champion would be."""

from random import Random

import pytest

from feedback.stopping import CERTAINTY, Lately, evidence, voted_down, why_stopped
from vigie.trials import Record, StopReason, TrialReport


def report(trial: Record, champion: Record) -> TrialReport:
    return TrialReport(model="logreg", alias="challenger", trial=trial, champion=champion)


def side(answered: int, errors: int = 0, voted: int | None = None) -> Record:
    return Record(version="1", answered=answered, errors=errors, voted=errors if voted is None else voted)


@pytest.mark.parametrize(
    ("trial", "champion", "stopped"),
    [
        (side(10, 2), side(90, 0), False),
        (side(10, 3), side(90, 0), True),
        (side(10, 3), side(90, 27), False),
        (side(10, 10), side(90, 10), True),
        (side(50, 5), side(50, 0), False),
        (side(50, 6), side(50, 0), True),
        (side(1000, 0), side(9000, 400), False),
        (side(0), side(0), False),
        (side(100, 6, voted=11), side(0), True),
        (side(100, 6, voted=12), side(0), False),
        (side(100, 5, voted=5), side(5), False),
    ],
)
def test_people_vote_a_challenger_down(trial: Record, champion: Record, stopped: bool) -> None:
    assert voted_down(trial, champion) is stopped


def test_the_reason_is_told_with_its_numbers() -> None:
    why = why_stopped(report(side(10, 3), side(90, 1)), Lately(asked=10, failed=2, moments=2))
    assert why == (StopReason.VOTED_DOWN, "reported wrong 3 times in 10 answers, the champion 1 times in 90")


@pytest.mark.parametrize(
    ("lately", "stopped"),
    [
        (Lately(asked=3, failed=3, moments=3), True),
        (Lately(asked=2, failed=2, moments=2), False),
        (Lately(asked=60, failed=3, moments=3), False),
        (Lately(asked=59, failed=3, moments=3), True),
        (Lately(asked=100, failed=100, moments=1), False),
    ],
)
def test_a_challenger_that_fails_again_and_again_is_stopped(lately: Lately, stopped: bool) -> None:
    why = why_stopped(report(side(100), side(900)), lately)
    told = (StopReason.ERRS, f"failed for {lately.failed} of {lately.asked} tweets within a minute")
    assert why == (told if stopped else None)


def test_one_that_is_as_good_is_stopped_less_often_than_promised_however_often_it_is_looked_at() -> None:
    chance, wrongly = Random(7), 0
    for _ in range(400):
        trial, champion, worst = [0, 0], [0, 0], 0.0
        for _ in range(600):
            mine = trial if chance.random() < 0.1 else champion
            mine[0] += 1
            mine[1] += chance.random() < 0.05
            worst = max(worst, evidence(side(*trial), side(*champion)))
        wrongly += worst >= CERTAINTY
    assert wrongly / 400 <= 2 / CERTAINTY


def test_very_many_votes_do_not_overflow() -> None:
    assert evidence(side(10**6, 10**6), side(9 * 10**6, 0)) > CERTAINTY
