"""The feedback service with a real Redis and both databases: nothing lost, nothing twice, whoever is away."""

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import redis

from feedback.publisher import AWAY_MS, MARKER
from feedback.settings import FeedbackSettings
from tests.integration.feedback.conftest import service
from tests.support.eventually import eventually, until
from tests.support.servers import RedisServer, ServerProcess, free_port, wait_for
from vigie.receipts import ReceiptBook
from vigie.schemas import ErrorState, PredictionEvent
from vigie.settings import DEVELOPMENT_SECRET, derived_key
from vigie.streams import FEEDBACK, PREDICTIONS

BOOK = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))


def prediction(text: str = "late again", *, age_seconds: float = 10, negative: float = 0.9) -> PredictionEvent:
    created_ms = int((time() - age_seconds) * 1000)
    return PredictionEvent(
        prediction_id=BOOK.issue(
            text, model="logreg", version="3", probability_negative=negative, created_ms=created_ms
        ),
        text=text,
        model="logreg",
        version="3",
        label=0 if negative >= 0.5 else 1,
        probability_negative=negative,
        created_ms=created_ms,
    )


def log(url: str, events: list[PredictionEvent]) -> None:
    with redis.Redis.from_url(url) as client:
        client.xadd(PREDICTIONS.name, dict(PREDICTIONS.encode(events)))


def published(url: str) -> list[ErrorState]:
    with redis.Redis.from_url(url, protocol=2) as client:
        return [state for _, fields in client.xrange(FEEDBACK.name) for state in FEEDBACK.decode(fields)]


def pending(url: str) -> int:
    """How many entries of the log were read and are not handled."""
    with redis.Redis.from_url(url, protocol=2) as client:
        return int(client.xpending(PREDICTIONS.name, "feedback")["pending"])


async def logged(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """The history, once it has that many rows."""
    rows: list[dict[str, Any]] = []

    async def enough() -> bool:
        rows[:] = (await client.get("/predictions")).json()["items"]
        return len(rows) >= count

    await eventually(enough)
    return rows


async def vote(client: httpx.AsyncClient, prediction_id: str, **fields: object) -> httpx.Response:
    return await client.post("/feedback", json={"prediction_id": prediction_id, "verdict": "incorrect"} | fields)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, not started."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine's log may bring a text late, too."""
    monkeypatch.setattr("feedback.publisher.TEXT_PATIENCE_SECONDS", 30)
    monkeypatch.setattr("feedback.publisher.YOUNG_PREDICTION_MS", 60_000)


@pytest.mark.usefixtures("patient")
async def test_a_vote_is_kept_with_its_prediction_and_published_with_its_text(settings: FeedbackSettings) -> None:
    event = prediction("été 😀", age_seconds=0)
    log(settings.redis_url, [event])
    async with service(settings) as client:
        reply = await vote(client, event.prediction_id, comment="it is joy", annotator="ann", expected_label=1)
        await until(lambda: published(settings.redis_url))
        page = (await client.get("/feedback")).json()
    assert reply.status_code == 201
    assert reply.json()["model"] == {"name": "logreg", "version": "3"}
    assert page["items"][0]["text"] == "été 😀"
    state = published(settings.redis_url)[0]
    assert (state.text, state.revision, state.comments, state.expected_label) == ("été 😀", 1, ["it is joy"], 1)
    assert state.error_ms is not None


async def test_a_vote_needs_no_log_entry(settings: FeedbackSettings) -> None:
    async with service(settings) as client:
        first = await vote(client, prediction(age_seconds=0).prediction_id)
        assert first.status_code == 201
        assert first.json()["text"] is None
        await until(lambda: published(settings.redis_url))
    assert published(settings.redis_url)[0].text is None


@pytest.mark.usefixtures("patient")
async def test_a_fresh_prediction_gets_a_moment_for_its_text(on_sqlite: FeedbackSettings) -> None:
    event = prediction(age_seconds=0)
    async with service(on_sqlite) as client:
        await vote(client, event.prediction_id)
        log(on_sqlite.redis_url, [event])
        await until(lambda: published(on_sqlite.redis_url))
    assert published(on_sqlite.redis_url)[0].text == event.text


async def test_repeated_and_changed_votes(settings: FeedbackSettings) -> None:
    event = prediction()
    async with service(settings) as client:
        first = await vote(client, event.prediction_id)
        again = await vote(client, event.prediction_id, comment="again")
        changed = await vote(client, event.prediction_id, verdict="correct")
        await until(lambda: published(settings.redis_url) and published(settings.redis_url)[-1].revision == 2)
    assert [reply.status_code for reply in (first, again, changed)] == [201, 200, 200]
    assert first.json()["feedback_id"] == again.json()["feedback_id"] != changed.json()["feedback_id"]
    assert changed.json()["supersedes"] == first.json()["feedback_id"]
    assert published(settings.redis_url)[-1].error_ms is None


@pytest.mark.parametrize("prediction_id", ["", "x", "forged" * 12, "forged" * 100, "é", "\0"])
async def test_an_id_that_was_never_issued_is_404(on_sqlite: FeedbackSettings, prediction_id: str) -> None:
    async with service(on_sqlite) as client:
        reply = await vote(client, prediction_id)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_prediction")


async def test_two_annotators_racing_on_one_prediction_both_count(settings: FeedbackSettings) -> None:
    event = prediction()
    async with service(settings) as client:
        replies = await asyncio.gather(*(vote(client, event.prediction_id, annotator=f"a{n}") for n in range(12)))
        await until(lambda: published(settings.redis_url) and published(settings.redis_url)[-1].revision == 12)
    assert [reply.status_code for reply in replies] == [201] * 12
    assert published(settings.redis_url)[-1].annotators == 12


async def test_pages_are_stable_while_votes_arrive(settings: FeedbackSettings) -> None:
    async with service(settings) as client:
        ids = [(await vote(client, prediction(f"t{n}").prediction_id)).json()["feedback_id"] for n in range(7)]
        first = (await client.get("/feedback", params={"limit": 3})).json()
        await vote(client, prediction("new").prediction_id)
        seen = [row["feedback_id"] for row in first["items"]]
        cursor = first["next_cursor"]
        while cursor:
            page = (await client.get("/feedback", params={"limit": 3, "cursor": cursor})).json()
            seen += [row["feedback_id"] for row in page["items"]]
            cursor = page["next_cursor"]
    assert seen == ids[::-1]


async def test_histories_are_filtered(settings: FeedbackSettings) -> None:
    log(settings.redis_url, [prediction("a"), prediction("b", negative=0.2)])
    async with service(settings) as client:
        await vote(client, prediction("c").prediction_id)
        await vote(client, prediction("d").prediction_id, verdict="correct")
        count = {
            "all": len((await client.get("/feedback")).json()["items"]),
            "wrong": len((await client.get("/feedback?verdict=incorrect")).json()["items"]),
            "other model": len((await client.get("/feedback?model=forest")).json()["items"]),
            "version": len((await client.get("/feedback?version=3")).json()["items"]),
            "future": len((await client.get("/feedback?since=2100-01-01T00:00:00")).json()["items"]),
            "past": len((await client.get("/feedback?until=2100-01-01T00:00:00Z")).json()["items"]),
        }
        labels = [row["sentiment"] for row in await logged(client, 2)]
        for bad in ("limit=0", "limit=501", "cursor=rubbish", "since=yesterday", "verdict=maybe"):
            assert (await client.get(f"/feedback?{bad}")).status_code == 400, bad
    assert count == {"all": 2, "wrong": 1, "other model": 0, "version": 2, "future": 0, "past": 2}
    assert sorted(labels) == ["negative", "positive"]


async def test_the_export_holds_every_vote(settings: FeedbackSettings) -> None:
    async with service(settings) as client:
        for number in range(3):
            await vote(client, prediction(f"t{number}").prediction_id, comment="=1+1")
        safe = await client.get("/feedback/export.csv")
        raw = await client.get("/feedback/export.csv?raw=true")
    assert safe.headers["content-type"] == "text/csv; charset=utf-8"
    assert safe.content.startswith(b"\xef\xbb\xbffeedback_id")
    assert safe.text.count("'=1+1") == 3
    assert "'=1+1" not in raw.text
    assert len(raw.text.splitlines()) == 4


async def test_the_same_log_entry_twice_is_one_row(settings: FeedbackSettings) -> None:
    event = prediction()
    log(settings.redis_url, [event, event])
    log(settings.redis_url, [event])
    async with service(settings) as client:
        rows = await logged(client, 1)
    assert [row["prediction_id"] for row in rows] == [event.prediction_id]


async def test_a_database_that_is_away_costs_neither_rows_nor_votes(on_sqlite: FeedbackSettings) -> None:
    event = prediction()
    database = on_sqlite.store_url().removeprefix("sqlite:///")
    async with service(on_sqlite) as client:
        await vote(client, event.prediction_id)
        await until(lambda: published(on_sqlite.redis_url))
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("ALTER TABLE predictions RENAME TO away")
            log(on_sqlite.redis_url, [event])
            assert (await vote(client, event.prediction_id, annotator="another")).status_code == 503
            history = await client.get("/predictions")
            await until(lambda: pending(on_sqlite.redis_url) == 1)
            connection.execute("ALTER TABLE away RENAME TO predictions")
        rows = await logged(client, 1)
        await vote(client, event.prediction_id, annotator="another")
        await until(lambda: len(published(on_sqlite.redis_url)) == 2)
    assert (history.status_code, history.json()["error"]["code"]) == (503, "unavailable")
    assert [row["prediction_id"] for row in rows] == [event.prediction_id]


async def test_votes_are_taken_without_redis_and_published_once_it_is_back(tmp_path: Path, server: RedisServer) -> None:
    settings = FeedbackSettings.read(vigie_home=tmp_path, redis_url=server.url)
    async with service(settings) as client:
        replies = await asyncio.gather(*(vote(client, prediction(f"t{n}").prediction_id) for n in range(1000)))
        assert {reply.status_code for reply in replies} == {201}
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert "votes are kept and wait" in ready.json()["dependencies"]["redis"]
        server.start()
        await until(lambda: len({state.prediction_id for state in published(server.url)}) == 1000)


async def test_what_redis_lost_is_published_again(on_sqlite: FeedbackSettings, redis_url: str) -> None:
    async with service(on_sqlite) as client:
        await vote(client, prediction().prediction_id)
        await until(lambda: published(on_sqlite.redis_url))
        with redis.Redis.from_url(redis_url) as client_of_redis:
            assert client_of_redis.exists(MARKER)
            client_of_redis.flushall()
        await until(lambda: published(on_sqlite.redis_url))
    assert published(on_sqlite.redis_url)[0].revision == 1


async def test_a_redis_that_comes_back_with_older_data_gets_what_it_lost(tmp_path: Path, server: RedisServer) -> None:
    server.start()
    settings = FeedbackSettings.read(vigie_home=tmp_path, redis_url=server.url)
    kept, older = tmp_path / "appendonlydir", tmp_path / "older"
    async with service(settings) as client:
        await vote(client, prediction("a").prediction_id)
        await until(lambda: len(published(server.url)) == 1)
        shutil.copytree(kept, older)
        await vote(client, prediction("b").prediction_id)
        await until(lambda: len(published(server.url)) == 2)
        server.kill()
        shutil.rmtree(kept)
        older.rename(kept)
        server.start()
        await until(lambda: len({state.prediction_id for state in published(server.url)}) == 2)


async def test_after_an_outage_votes_wait_for_the_texts_that_the_log_still_brings(
    tmp_path: Path, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_ms = 0
    monkeypatch.setattr("feedback.app.now_ms", lambda: int(time() * 1000) + ahead_ms)
    monkeypatch.setattr("feedback.publisher.LOG_RETURNS_MS", 60_000)
    server.start()
    settings = FeedbackSettings.read(vigie_home=tmp_path, redis_url=server.url)
    async with service(settings) as client:
        await until(lambda: redis.Redis.from_url(server.url).exists(MARKER))
        server.kill()
        ahead_ms = 2 * AWAY_MS
        before, meanwhile = prediction("before", age_seconds=60), prediction("meanwhile", age_seconds=0)
        for event in (meanwhile, before):
            assert (await vote(client, event.prediction_id)).status_code == 201
        server.start()
        await until(lambda: published(server.url))
        (state,) = published(server.url)
        assert (state.prediction_id, state.text) == (before.prediction_id, None)
        log(server.url, [meanwhile])
        await until(lambda: len(published(server.url)) == 2)
        assert published(server.url)[1].text == "meanwhile"


async def test_a_full_redis_does_not_cost_a_vote(tmp_path: Path, server: RedisServer) -> None:
    server.start()
    settings = FeedbackSettings.read(vigie_home=tmp_path, redis_url=server.url)
    async with service(settings) as client:
        assert (await vote(client, prediction("a").prediction_id)).status_code == 201
        await until(lambda: published(server.url))
        with redis.Redis.from_url(server.url) as client_of_redis:
            client_of_redis.config_set("maxmemory", "1")
            assert (await vote(client, prediction("b").prediction_id)).status_code == 201
            client_of_redis.config_set("maxmemory", "0")
        await until(lambda: len({state.prediction_id for state in published(server.url)}) == 2)


def test_a_vote_that_was_answered_survives_kill_9(tmp_path: Path, server: RedisServer) -> None:
    port = free_port()
    environment = {"VIGIE_HOME": str(tmp_path), "REDIS_URL": server.url, "FEEDBACK_PORT": str(port)}
    process = ServerProcess(
        [sys.executable, "-m", "feedback"], port=port, log=tmp_path / "feedback.log", environment=environment
    )
    process.start()
    try:
        body = {"prediction_id": prediction().prediction_id, "verdict": "incorrect"}
        assert httpx.post(f"http://127.0.0.1:{port}/feedback", json=body).status_code == 201
        process.kill()
        server.start()
        process.start()
        wait_for(lambda: published(server.url), what="the vote on the stream")
        assert httpx.post(f"http://127.0.0.1:{port}/feedback", json=body).status_code == 200
    finally:
        process.stop()


async def test_a_vote_can_be_taken_back_once_and_the_state_is_published(settings: FeedbackSettings) -> None:
    event = prediction()
    async with service(settings) as client:
        given = (await vote(client, event.prediction_id)).json()
        reply = await client.delete(f"/feedback/{given['feedback_id']}")
        assert (reply.status_code, reply.json()["feedback_id"]) == (200, given["feedback_id"])
        assert (await client.get("/feedback")).json()["items"] == []
        assert (await client.delete(f"/feedback/{given['feedback_id']}")).status_code == 404
        await until(lambda: [state.error_ms is None for state in published(settings.redis_url)][-1:] == [True])
