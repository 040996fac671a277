"""When a new training is due."""

from datetime import UTC, datetime, timedelta

from vigie_training.model_registry import RegisteredVersion
from vigie_training.retraining import Thresholds, reasons

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
THRESHOLDS = Thresholds(labels=200, days=30)


def champion(learnt: str = "50", days: float = 1) -> RegisteredVersion:
    return RegisteredVersion("4", NOON - timedelta(days=days), "run", ("champion",), {"feedback_rows": learnt})


def test_without_a_champion_it_is_due() -> None:
    assert reasons(None, 0, THRESHOLDS, now=NOON) == ["no version serves yet"]


def test_few_new_labels_and_a_young_champion_are_no_reason() -> None:
    assert reasons(champion(days=29.9), 249, THRESHOLDS, now=NOON) == []


def test_enough_new_labels_are_a_reason() -> None:
    expected = ["200 labels more than version 4 learnt from (due from 200)"]
    assert reasons(champion(), 250, THRESHOLDS, now=NOON) == expected


def test_age_is_a_reason() -> None:
    assert reasons(champion(days=30), 50, THRESHOLDS, now=NOON) == ["version 4 is 30 days old (due from 30)"]


def test_a_version_from_before_feedback_counted_learnt_from_none() -> None:
    old = RegisteredVersion("4", NOON, "run", (), {})
    assert reasons(old, 200, THRESHOLDS, now=NOON) == ["200 labels more than version 4 learnt from (due from 200)"]
