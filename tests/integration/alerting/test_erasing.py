"""What an author had erased is in no alert: neither in those that are there, nor in those that come later."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select

from alerting import parts
from alerting.erasing import Eraser
from alerting.mail import Letter
from alerting.settings import AlertingSettings
from alerting.store import SURGE, AlertStore
from alerting.tables import alerts, erasures
from tests.integration.alerting.kept import NOON, Clock, queue_of, raised, to
from vigie.alerts import RaisedAlert, SurgeFacts, SurgeTweet
from vigie.durations import DAY_MS
from vigie.schemas import Erasure

ANN = "a77b" * 8
WORD, LATER = "xylophonist", "trombonist"


@pytest.fixture
def eraser(redis: Redis, store: AlertStore) -> Eraser:
    return Eraser(redis, store)


def erasure(*prediction_ids: str, name: str = "e1", at_ms: int = NOON) -> Erasure:
    return Erasure(erasure_id=name, author=ANN, prediction_ids=list(prediction_ids), at_ms=at_ms)


def of_ann(key: str = "a") -> RaisedAlert:
    """Its errors: one of an unknown author, one of Ann's, one that she wrote after the erasure of `NOON`."""
    alert = raised(key)
    changes: list[dict[str, Any]] = [
        {"text": WORD, "author": None},
        {"text": WORD, "author": ANN, "predicted_ms": NOON},
        {"text": LATER, "author": ANN, "predicted_ms": NOON + 1},
    ]
    errors = [
        error.model_copy(update={"state": error.state.model_copy(update=change)})
        for error, change in zip(alert.errors, changes, strict=True)
    ]
    return alert.model_copy(update={"errors": errors})


def surge_of_ann() -> RaisedAlert:
    """Her tweets: one from before the erasure of `NOON`, by a clock that was ahead, one sent in later."""
    told = [
        SurgeTweet(at_ms=NOON + 5, text=WORD, score=0.9, author=ANN, answered_ms=NOON),
        SurgeTweet(at_ms=NOON - 5, text=LATER, score=0.9, author=ANN, answered_ms=NOON + 1),
        SurgeTweet(at_ms=NOON, text="somebody else's", score=0.9, author="b" * 32, answered_ms=NOON),
    ]
    facts = SurgeFacts(
        detectors=["count"],
        first_ms=NOON - 5,
        at_ms=NOON,
        count=9,
        total=9,
        baseline=1.0,
        score=9.0,
        tweets=told,
        words=[],
        points=[],
        step_ms=300_000,
    )
    return raised("surge").model_copy(update={"rule": SURGE, "errors": [], "surge": facts})


async def told(store: AlertStore) -> str:
    """Everything that is kept of alerts."""
    rows = await store.read(lambda connection: connection.execute(select(alerts.c.told)).scalars().all())
    return "\n".join(rows)


async def mailed(store: AlertStore, home: Path) -> str:
    """The mail of the alert that is due, without what folds lines."""
    lease = await queue_of(store).lease()
    assert lease is not None
    writer = parts.mail_writer(AlertingSettings.read(vigie_home=home))
    return writer.alert_mail(lease.alert, Letter("ops@x.org", "<a@x.org>")).decode().replace("=\r\n", "")


@pytest.mark.parametrize("alert", [of_ann(), surge_of_ann()], ids=["errors", "surge"])
async def test_an_alert_that_comes_after_the_erasure_is_kept_and_mailed_without_the_text(
    store: AlertStore, eraser: Eraser, tmp_path: Path, alert: RaisedAlert
) -> None:
    await eraser.erase([erasure("a0")])
    assert await store.keep(alert, to("ops@x.org"))
    kept, mail = await told(store), await mailed(store, tmp_path)
    assert (WORD in kept, WORD in mail) == (False, False)
    assert (LATER in kept, LATER in mail) == (True, True), "what was written since is not erased"


@pytest.mark.parametrize("alert", [of_ann(), surge_of_ann()], ids=["errors", "surge"])
async def test_an_alert_that_is_there_loses_the_text_also_when_the_log_names_no_prediction_any_more(
    store: AlertStore, eraser: Eraser, redis: Redis, alert: RaisedAlert
) -> None:
    await store.keep(alert, to("ops@x.org"))
    await eraser.erase([erasure(name="trimmed"), erasure("a0", name="named"), erasure("a0", name="again")])
    kept = await told(store)
    assert (WORD in kept, LATER in kept) == (False, True)
    rewritten = [await redis.hget(f"erasures:{name}", "alerts") for name in ("trimmed", "named", "again")]
    assert rewritten == [b"1", b"0" if alert.surge else b"1", b"0"]


async def test_an_alert_of_a_service_before_the_author_was_told_is_erased_by_prediction(
    store: AlertStore, eraser: Eraser
) -> None:
    without_authors = {"errors": {"__all__": {"state": {"author"}}}}
    before = of_ann().model_dump_json(exclude=without_authors)
    assert "author" not in before
    await store.keep(RaisedAlert.model_validate_json(before), to("ops@x.org"))
    await eraser.erase([erasure("a0", "a1")])
    kept = await told(store)
    assert (WORD in kept, LATER in kept) == (False, True)


@pytest.mark.parametrize("alert", [of_ann(), surge_of_ann()], ids=["errors", "surge"])
async def test_whose_a_tweet_is_is_told_to_nobody(store: AlertStore, tmp_path: Path, alert: RaisedAlert) -> None:
    await store.keep(alert, to("ops@x.org"))
    assert ANN in await told(store)
    shown = (await store.page(limit=9, cursor=None)).model_dump_json()
    assert (WORD in shown, ANN in shown) == (True, False)
    assert ANN not in await mailed(store, tmp_path)


async def test_an_alert_and_an_erasure_at_the_same_time_leave_no_text(store: AlertStore, eraser: Eraser) -> None:
    for number in range(10):
        told_now = of_ann(f"k{number}")
        gone = erasure(f"k{number}0", name=f"e{number}")
        await asyncio.gather(store.keep(told_now, to("ops@x.org")), eraser.erase([gone]))
        assert WORD not in await told(store)


async def test_erasures_are_forgotten_after_thirty_days(store: AlertStore, eraser: Eraser, clock: Clock) -> None:
    await eraser.erase([erasure("a0"), erasure("a0")])

    async def known() -> int:
        await store.forget_before(clock.now - 365 * DAY_MS)
        return await store.read(
            lambda connection: connection.execute(select(func.count(erasures.c.at_ms))).scalar_one()
        )

    clock.now += 30 * DAY_MS
    assert await known() == 1
    clock.now += 1
    assert await known() == 0
