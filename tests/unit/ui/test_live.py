"""The chart of the last hours."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.gateways import FakeGateway
from ui.live import MOST_PAGES, columns_of, look
from vigie.alerts import Alert, AlertState
from vigie.schemas import CountedMoment, LoggedPrediction, ModelRef, PredictionCounts, Sentiment

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


def logged(number: int, text: str) -> LoggedPrediction:
    return LoggedPrediction(
        prediction_id=f"p{number}",
        text=text,
        model=ModelRef(name="logreg", version="7"),
        prediction_label=0,
        sentiment=Sentiment.NEGATIVE,
        probability_negative=0.9,
        created_at=NOON,
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


def week() -> PredictionCounts:
    begins = [NOON - timedelta(days=7) + timedelta(hours=6 * number) for number in range(29)]
    moments = [CountedMoment(at=at, total=1, negative=0) for at in begins]
    return PredictionCounts(step_minutes=360, moments=moments, models=[], topics=[])


async def test_every_alarm_of_a_week_is_shown_and_older_ones_are_not_asked_for() -> None:
    alerts = [alarm(-10 * number) for number in range(3000)]
    async with FakeGateway(alerts=alerts, counts=week()) as gateway:
        live = await look(gateway.client, "168", None, NOON)
    assert live.alarms == 7 * 24 * 6 + 1
    assert [len(column.alarms) for column in live.columns] == [36] * 28 + [1]
    assert gateway.alert_pages == [100, 500, 500]


async def test_a_short_time_with_few_alarms_asks_for_one_small_page() -> None:
    async with FakeGateway(alerts=[alarm(-10 * number) for number in range(3000)], counts=counts((1, 0))) as gateway:
        live = await look(gateway.client, "6", None, NOON)
    assert (live.alarms, gateway.alert_pages) == (1, [100])


async def test_tweets_that_were_erased_or_said_before_are_not_among_the_latest() -> None:
    said = ["", "bad food", "", "bad flight", "bad food"]
    async with FakeGateway(logged=[logged(number, text) for number, text in enumerate(said)]) as gateway:
        live = await look(gateway.client, "6", None, NOON)
    assert [one.text for one in live.latest] == ["bad food", "bad flight"]


async def test_endless_alarms_are_not_followed_for_ever() -> None:
    async with FakeGateway(alerts=[alarm(0)] * (500 * MOST_PAGES), counts=counts((1, 0))) as gateway:
        live = await look(gateway.client, "6", None, NOON)
    assert len(gateway.alert_pages) == MOST_PAGES
    assert live.alarms == 100 + 500 * (MOST_PAGES - 1)
