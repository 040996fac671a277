"""The prediction log: order, bound, and what happens while Redis is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import redis
from prometheus_client import REGISTRY, Counter

from gateway.prediction_log import EventLog, PredictionLog
from gateway.stream_tail import StreamTail
from tests.support.eventually import until
from tests.support.servers import RedisServer, free_port
from vigie.schemas import PredictionEvent
from vigie.streams import PREDICTIONS, open_redis


def event(number: int, text: str = "été 😀") -> PredictionEvent:
    return PredictionEvent(
        prediction_id=f"p{number}",
        text=text,
        model="logreg",
        version="1",
        label=0,
        probability_negative=0.75,
        created_ms=number,
    )


def logged(url: str) -> list[str]:
    with redis.Redis.from_url(url, protocol=2) as client:
        entries = client.xrange(PREDICTIONS.name)
    return [event.prediction_id for _, fields in entries for event in PREDICTIONS.decode(fields)]


@asynccontextmanager
async def running_log(url: str, *, buffer: int = 1000, stream_entries: int = 1000) -> AsyncIterator[PredictionLog]:
    client = open_redis(url)
    log = PredictionLog(client, buffer=buffer, stream_entries=stream_entries)
    task = asyncio.create_task(log.run())
    yield log
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await log.drain(2)
    await client.aclose()


async def test_events_reach_the_stream_in_order_and_many_share_an_entry(redis_url: str) -> None:
    async with running_log(redis_url) as log:
        for number in range(300):
            log.append([event(number)])
        await until(lambda: len(logged(redis_url)) == 300 and not log.waiting)
    assert logged(redis_url) == [f"p{number}" for number in range(300)]
    with redis.Redis.from_url(redis_url) as client:
        assert client.xlen(PREDICTIONS.name) < 30


async def test_what_is_left_is_written_when_the_gateway_stops(redis_url: str) -> None:
    async with running_log(redis_url) as log:
        log.append([event(number) for number in range(1200)])
    assert len(logged(redis_url)) == 1000, "the bound is the buffer: the oldest 200 were dropped"
    assert logged(redis_url)[0] == "p200"


async def test_events_wait_while_redis_is_away_and_arrive_once_it_is_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    async with running_log(server.url) as log:
        server.stop()
        log.append([event(1)])
        await until(lambda: log.error is not None)
        log.append([event(2)])
        server.start()
        await until(lambda: log.error is None and len(logged(server.url)) == 2)
    assert logged(server.url) == ["p1", "p2"]
    server.stop()


async def test_a_redis_that_never_comes_back_costs_the_oldest_events_only() -> None:
    async with running_log(f"redis://127.0.0.1:{free_port()}/0", buffer=10) as log:
        for number in range(100):
            log.append([event(number)])
        await until(lambda: log.error is not None)
        assert [kept.prediction_id for kept in log._buffer if isinstance(kept, PredictionEvent)] == [
            f"p{number}" for number in range(90, 100)
        ]


async def test_a_stream_that_nobody_reads_is_bounded_by_bytes_and_what_it_loses_is_counted(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.prediction_log.PREDICTIONS_BYTES", 60_000)
    monkeypatch.setattr("gateway.prediction_log.LOOK_SECONDS", 0)

    def dropped() -> float:
        return REGISTRY.get_sample_value("vigie_prediction_log_events_total", {"result": "dropped"}) or 0.0

    async def write(log: PredictionLog, numbers: range) -> None:
        for number in numbers:
            log.append([event(number, text="x" * 5_000)])
            await until(lambda: not log.waiting)

    before = dropped()
    async with running_log(redis_url) as log:
        await write(log, range(30))
        assert logged(redis_url) == [f"p{number}" for number in range(19, 30)]
        assert dropped() == before + 19
        with redis.Redis.from_url(redis_url, protocol=2) as client:
            client.xgroup_create(PREDICTIONS.name, "feedback", id="0")
            client.xreadgroup("feedback", "one", {PREDICTIONS.name: ">"})
        await write(log, range(30, 40))
        assert dropped() == before + 19, "what was read is not lost"


async def test_events_are_counted_from_zero_before_the_first() -> None:
    left = Counter("unseen_log_events_total", "For this test.", ["result"])
    client = open_redis(f"redis://127.0.0.1:{free_port()}/0")
    EventLog(client, PREDICTIONS, left=left, buffer=10, tail=StreamTail(entries=10, size=1000))
    results = [{"result": each} for each in ("written", "dropped")]
    assert [REGISTRY.get_sample_value("unseen_log_events_total", each) for each in results] == [0, 0]
    await client.aclose()
