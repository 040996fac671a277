"""Versions on trial in the feedback service: kept beside the answers, compared, and stopped when they are worse."""

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Connection

from feedback.judge import TrialJudge, seen
from feedback.publisher import MARKER
from feedback.settings import FeedbackSettings
from tests.integration.feedback.conftest import service
from tests.integration.feedback.test_service import BOOK, log
from tests.support.eventually import eventually, until
from vigie.alerts import RaisedAlert
from vigie.schemas import PredictionEvent
from vigie.store import Store, StoreUnavailable
from vigie.streams import ALERTS, TRIALS, open_redis
from vigie.tasks import end
from vigie.trials import TrialAlias, TrialEvent, TrialList


def answered(number: int, version: str, *, negative: float = 0.9) -> PredictionEvent:
    """An answer of that version, given a moment ago."""
    created_ms = int(time() * 1000) - 500
    text = f"tweet {number} of {version}"
    return PredictionEvent(
        prediction_id=BOOK.issue(
            text, model="logreg", version=version, probability_negative=negative, created_ms=created_ms
        ),
        text=text,
        model="logreg",
        version=version,
        label=0 if negative >= 0.5 else 1,
        probability_negative=negative,
        created_ms=created_ms,
    )


def beside(answer: PredictionEvent, alias: TrialAlias = "challenger", **changes: Any) -> TrialEvent:
    """What version 4 said, the opposite of the champion's version 3; as challenger it is the answer."""
    mine, other = answer.probability_negative, round(1 - answer.probability_negative, 6)
    mine_counts = alias == "challenger"
    return TrialEvent.model_validate(
        {
            "prediction_id": answer.prediction_id,
            "model": "logreg",
            "alias": alias,
            "version": "4",
            "probability_negative": mine if mine_counts else other,
            "answered": mine_counts,
            "champion": "3",
            "champion_negative": other if mine_counts else mine,
            "created_ms": answer.created_ms,
        }
        | changes
    )


def note(url: str, events: list[TrialEvent]) -> None:
    with redis.Redis.from_url(url) as client:
        client.xadd(TRIALS.name, dict(TRIALS.encode(events)))


def alerts(url: str) -> list[RaisedAlert]:
    with redis.Redis.from_url(url, protocol=2) as client:
        return [alert for _, fields in client.xrange(ALERTS.name) for alert in ALERTS.decode(fields)]


async def vote(client: httpx.AsyncClient, answer: PredictionEvent, verdict: str, **more: str) -> None:
    body = {"prediction_id": answer.prediction_id, "verdict": verdict} | more
    assert (await client.post("/feedback", json=body)).status_code in (200, 201)


async def found(client: httpx.AsyncClient, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """`GET /trials`, once it is as wanted."""
    seen: list[dict[str, Any]] = [{}]

    async def look() -> bool:
        reply = await client.get("/trials")
        seen[0] = reply.json()
        return reply.is_success and holds(seen[0])

    await eventually(look)
    return seen[0]


async def test_both_sides_are_compared_and_shown_beside_the_answer(settings: FeedbackSettings) -> None:
    mine = [answered(number, "4") for number in range(4)]
    theirs = [answered(number, "3") for number in range(8)]
    log(settings.redis_url, mine + theirs)
    events = [beside(answer) for answer in mine]
    events += [beside(answer, "shadow", version="5", probability_negative=0.8) for answer in theirs]
    events[3] = beside(mine[3], champion_negative=0.6)
    note(settings.redis_url, events)
    note(settings.redis_url, events[:2])
    async with service(settings) as client:
        await vote(client, mine[0], "incorrect")
        await vote(client, mine[1], "correct")
        await vote(client, mine[1], "incorrect")
        await vote(client, mine[1], "correct")
        await vote(client, theirs[0], "incorrect")
        await vote(client, theirs[1], "correct")
        seen = await found(
            client,
            lambda seen: [each["judged"] for each in seen["items"]] == [2, 2] and seen["items"][0]["compared"] == 4,
        )
        rows = (await client.get("/predictions")).json()["items"]
    challenger, shadow = sorted(seen["items"], key=lambda each: str(each["alias"]))
    assert challenger["trial"] == {"version": "4", "answered": 4, "voted": 2, "errors": 1, "right": 1}
    assert challenger["champion"] == {"version": "3", "answered": 8, "voted": 2, "errors": 1, "right": 1}
    assert [challenger[name] for name in ("compared", "agreed", "judged", "failed")] == [4, 1, 2, 0]
    assert shadow["trial"] == {"version": "5", "answered": 0, "voted": 0, "errors": 0, "right": 1}
    assert [shadow[name] for name in ("compared", "agreed", "judged", "stopped")] == [8, 8, 2, None]
    shown = {row["prediction_id"]: row["beside"] for row in rows}
    assert shown[mine[0].prediction_id] == [
        {"alias": "champion", "version": "3", "prediction_label": 1, "probability_negative": 0.1}
    ]
    assert shown[theirs[0].prediction_id] == [
        {"alias": "shadow", "version": "5", "prediction_label": 0, "probability_negative": 0.8}
    ]


async def test_a_challenger_that_is_voted_down_is_stopped_once_and_told_with_the_tweets(
    settings: FeedbackSettings, redis_url: str
) -> None:
    mine = [answered(number, "4") for number in range(10)]
    log(settings.redis_url, mine + [answered(number, "3") for number in range(90)])
    note(settings.redis_url, [beside(answer) for answer in mine])
    async with service(settings) as client:
        await found(client, lambda seen: bool(seen["items"]) and seen["items"][0]["champion"]["answered"] == 90)
        for answer in mine[:3]:
            await vote(client, answer, "incorrect")
        seen = await found(client, lambda seen: bool(seen["stopped"]))
        await until(lambda: len(alerts(redis_url)) == 1)
        await vote(client, mine[3], "incorrect")
        await found(client, lambda seen: bool(seen["items"]) and seen["items"][0]["trial"]["errors"] == 4)
    (stop,) = seen["stopped"]
    assert (stop["model"], stop["version"], stop["reason"]) == ("logreg", "4", "voted_down")
    assert seen["items"][0]["stopped"] == stop
    (alert,) = alerts(redis_url)
    assert (alert.scope, alert.rule, alert.count) == ("logreg:4", "canary", 3)
    assert {error.state.prediction_id for error in alert.errors} == {answer.prediction_id for answer in mine[:3]}
    assert {error.state.text for error in alert.errors} == {answer.text for answer in mine[:3]}
    assert alert.canary
    assert alert.canary.report.champion.answered == 90


async def test_a_challenger_that_fails_is_stopped_also_by_a_service_that_starts_later(
    on_sqlite: FeedbackSettings, redis_url: str
) -> None:
    answers = [answered(number, "3") for number in range(3)]
    failed = {"probability_negative": None, "failure": "Unavailable: answered 500", "answered": False}
    events = [beside(answer).model_copy(update=failed) for answer in answers]
    later = [event.model_copy(update={"created_ms": event.created_ms + place}) for place, event in enumerate(events)]
    note(on_sqlite.redis_url, later)
    async with service(on_sqlite) as client:
        seen = await found(client, lambda seen: bool(seen["stopped"]))
        await until(lambda: bool(alerts(redis_url)))
        with redis.Redis.from_url(redis_url) as store:
            store.delete(ALERTS.name, MARKER)
        await vote(client, answers[0], "correct")
        await until(lambda: bool(alerts(redis_url)))
    assert seen["stopped"][0]["detail"] == "failed for 3 of 3 tweets within a minute"
    alert = alerts(redis_url)[0]
    assert (alert.count, alert.errors) == (3, [])
    assert alert.canary
    assert alert.canary.failure == "Unavailable: answered 500"
    async with service(on_sqlite) as client:
        again = await found(client, lambda seen: bool(seen["stopped"]))
    assert again["stopped"] == seen["stopped"]
    assert {each.alert_key for each in alerts(redis_url)} == {alert.alert_key}, "who mails knows it by its key"


@pytest.mark.parametrize("alias", ["shadow"])
async def test_a_shadow_is_never_stopped(on_sqlite: FeedbackSettings, alias: TrialAlias) -> None:
    answers = [answered(number, "3") for number in range(12)]
    log(on_sqlite.redis_url, answers)
    note(on_sqlite.redis_url, [beside(answer, alias) for answer in answers])
    async with service(on_sqlite) as client:
        for answer in answers:
            await vote(client, answer, "correct")
        seen = await found(client, lambda seen: bool(seen["items"]) and seen["items"][0]["judged"] == 12)
    assert (seen["items"][0]["trial"]["right"], seen["items"][0]["champion"]["right"]) == (0, 12)
    assert seen["stopped"] == []


async def test_before_the_first_look_nobody_is_told_that_nothing_was_stopped(
    on_sqlite: FeedbackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_look = threading.Event()

    def late(connection: Connection, now_ms: int) -> TrialList:
        may_look.wait(10)
        return seen(connection, now_ms)

    monkeypatch.setattr("feedback.judge.seen", late)
    async with service(on_sqlite) as client:
        before = await client.get("/trials")
        may_look.set()
        assert before.status_code == 503
        await found(client, lambda told: bool(told["stopped"] == []))


class Away(Store):
    """Does not answer, and counts how often it was asked."""

    asked = 0

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        """Fails."""
        self.asked += 1
        raise StoreUnavailable("away")


async def test_a_look_that_took_long_and_failed_is_soon_followed_by_another(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedback.judge.monotonic", count(0, 30).__next__)
    monkeypatch.setattr("feedback.judge.LOOK_SECONDS", 0)
    store, client = Away(f"sqlite:///{tmp_path}/away.db"), open_redis(redis_url)
    looking = asyncio.create_task(TrialJudge(store, client, now_ms=lambda: 0).run())

    async def again() -> bool:
        return store.asked > 1

    await eventually(again, seconds=10)
    await end(looking)
    await client.aclose()
    await store.close()
