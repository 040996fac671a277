"""A consumer of a real stream whose handler fails."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from vigie import streams
from vigie.errors import Unavailable
from vigie.schemas import PredictionEvent
from vigie.streams import MAX_DELIVERIES, PREDICTIONS, Consumer, purge, read_dead
from vigie.tasks import end

EVENT = PredictionEvent(
    prediction_id="p", text="late", model="logreg", version="3", label=0, probability_negative=0.9, created_ms=1
)


async def test_entries_wait_for_what_their_handler_needs_and_are_not_set_aside(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(streams, "LONGEST_PAUSE_SECONDS", 0.002)
    asked, handled = 0, asyncio.Event()
    redis = Redis.from_url(redis_url, protocol=2)

    async def handle(events: list[PredictionEvent]) -> None:
        nonlocal asked
        asked += 1
        if asked <= 3 * MAX_DELIVERIES:
            raise Unavailable("the store does not answer")
        (entry,) = await redis.xpending_range(PREDICTIONS.name, "log", "-", "+", 10)
        assert entry["times_delivered"] == 1, "another consumer would set it aside"
        assert events == [EVENT]
        handled.set()

    fields: dict[Any, Any] = dict(PREDICTIONS.encode([EVENT]))
    await redis.xadd(PREDICTIONS.name, fields)
    consumer = Consumer(redis, PREDICTIONS, group="log", name="one", handle=handle)
    reading = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(15):
            await handled.wait()
    finally:
        await end(reading)
    assert not await redis.exists(PREDICTIONS.dead)
    await redis.aclose()


async def test_a_purge_leaves_what_others_wrote_in_a_dead_letter(redis_url: str) -> None:
    redis = Redis.from_url(redis_url, protocol=2)
    about: dict[Any, Any] = {"reason": "failed 6 times", "entry": "1-1", "group": "log"}
    for authors in (("gone", "other", "gone"), ("gone",), ("other",)):
        events = [EVENT.model_copy(update={"author": author}) for author in authors]
        await redis.xadd(PREDICTIONS.dead, about | PREDICTIONS.encode(events))
    assert await purge(redis, PREDICTIONS, lambda event: event.author == "gone") == (2, 0)
    left = await read_dead(redis, PREDICTIONS)
    assert [[event.author for event in PREDICTIONS.decode(letter.fields)] for letter in left] == [["other"], ["other"]]
    assert {(letter.entry, letter.reason, letter.fields[b"group"]) for letter in left} == {
        ("1-1", "failed 6 times", b"log")
    }
    assert await purge(redis, PREDICTIONS, lambda event: event.author == "gone") == (0, 0)
    await redis.aclose()
