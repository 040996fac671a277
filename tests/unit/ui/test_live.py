"""The chart of the last hours."""

from datetime import UTC, datetime, timedelta

import pytest

from ui.live import columns_of
from vigie.alerts import Alert, AlertState
from vigie.schemas import CountedMoment, PredictionCounts

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def counts(*totals: tuple[int, int]) -> PredictionCounts:
    moments = [
        CountedMoment(at=NOON + timedelta(minutes=15 * number), total=total, negative=negative)
        for number, (total, negative) in enumerate(totals)
    ]
    return PredictionCounts(step_minutes=15, moments=moments, models=[], topics=[])


def alarm(minutes: float) -> Alert:
    return Alert(
        alert_id=f"a{minutes}",
        scope="all",
        rule="surge",
        state=AlertState.FIRING,
        fired_at=NOON + timedelta(minutes=minutes),
        count=5,
        suppressed_before=0,
        prediction_ids=[],
        tweets=[],
        deliveries=[],
    )


def test_the_highest_column_fills_the_chart() -> None:
    first, second, empty = columns_of(counts((10, 2), (40, 40), (0, 0)), [])
    assert (first.height, first.negative, first.share) == (0.25, 0.05, 0.2)
    assert (second.height, second.negative, second.share) == (1.0, 1.0, 1.0)
    assert (empty.height, empty.share) == (0.0, None)


@pytest.mark.parametrize(("minutes", "place"), [(0, 0), (14.99, 0), (15, 1), (29.9, 1)])
def test_an_alarm_stands_at_the_step_it_fired_in(minutes: float, place: int) -> None:
    columns = columns_of(counts((1, 0), (1, 0)), [alarm(minutes)])
    assert [len(column.alarms) for column in columns] == [int(number == place) for number in (0, 1)]


def test_alarms_of_another_time_are_not_shown() -> None:
    assert not any(column.alarms for column in columns_of(counts((1, 0)), [alarm(-1), alarm(15)]))


def test_a_time_without_predictions_has_columns_without_height() -> None:
    assert [column.height for column in columns_of(counts((0, 0), (0, 0)), [])] == [0.0, 0.0]


def test_alarms_of_one_kind_are_told_once_with_their_number() -> None:
    (column,) = columns_of(counts((1, 0)), [alarm(1), alarm(2), alarm(3)])
    assert column.told == [("surge", "all", 3)]
