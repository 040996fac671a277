"""When a new training is due."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from vigie_training.feedback import qualified
from vigie_training.model_registry import RegisteredVersion
from vigie_training.retraining import Thresholds, new_labels, reasons

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
THRESHOLDS = Thresholds(labels=200, days=30)


def champion(learnt: str = "50", days: float = 1) -> RegisteredVersion:
    return RegisteredVersion("4", NOON - timedelta(days=days), "run", ("champion",), {"feedback_rows": learnt})


def votes(predictions: int, at: datetime = NOON - timedelta(days=60), zone: str = "Z") -> pd.DataFrame:
    """Two people agree on each of so many predictions."""
    lines = [
        (f"{at} {number}", who, "incorrect", "", "0", f"late again {number}", f"{at:%Y-%m-%dT%H:%M:%S.%f}{zone}")
        for number in range(predictions)
        for who in ("ada", "bob")
    ]
    columns = ("prediction_id", "annotator", "verdict", "expected_label", "prediction_label", "text", "created_at")
    return pd.DataFrame(lines, columns=columns)


def due(newest: RegisteredVersion | None, cast: pd.DataFrame) -> list[str]:
    return reasons(newest, new_labels(newest, len(qualified(cast)), cast), THRESHOLDS, now=NOON)


def test_without_a_champion_it_is_due() -> None:
    assert due(None, votes(0)) == ["no version serves yet"]


def test_few_new_labels_and_a_young_champion_are_no_reason() -> None:
    assert due(champion(days=29.9), votes(249)) == []


def test_enough_new_labels_are_a_reason() -> None:
    expected = ["200 labels more than version 4 learnt from (due from 200)"]
    assert due(champion(), votes(250)) == expected


def test_age_is_a_reason() -> None:
    assert due(champion(days=30), votes(50)) == ["version 4 is 30 days old (due from 30)"]


def test_a_version_from_before_feedback_counted_learnt_from_none() -> None:
    old = RegisteredVersion("4", NOON, "run", (), {})
    assert due(old, votes(200)) == ["200 labels more than version 4 learnt from (due from 200)"]


def test_labels_that_were_forgotten_since_it_learnt_from_them_hide_no_new_ones() -> None:
    kept = pd.concat([votes(50), votes(250, NOON - timedelta(hours=3))])
    expected = ["250 labels more than version 4 learnt from (due from 200)"]
    assert due(champion(learnt="300"), kept) == expected


def test_a_vote_makes_a_label_new_that_was_none_before() -> None:
    first = votes(200).query("annotator == 'ada'")
    second = votes(200).query("annotator == 'bob'").assign(created_at="2026-01-02T11:00:00Z")
    assert due(champion(learnt="300"), pd.concat([first, second])) == [
        "200 labels more than version 4 learnt from (due from 200)"
    ]


@pytest.mark.parametrize(
    ("moment", "zone", "new"),
    [
        (NOON - timedelta(milliseconds=1), "Z", False),
        (NOON, "Z", True),
        (NOON + timedelta(minutes=59), "+01:00", False),
        (NOON + timedelta(minutes=61), "+01:00", True),
    ],
)
def test_what_was_voted_in_the_moment_that_it_was_made_or_later_is_new(moment: datetime, zone: str, new: bool) -> None:
    cast = votes(10, moment, zone)
    assert new_labels(champion(learnt="300", days=0), 10, cast) == (10 if new else 0)
