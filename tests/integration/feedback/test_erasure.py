"""Forgetting an author, and that nothing is left: the residue is looked for in every place that keeps something."""

import asyncio
import re
import sqlite3
from pathlib import Path
from time import time
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, func, insert, select, text

from feedback.cli import main
from feedback.erasure import erase, erase_texts
from feedback.prediction_log import insert_predictions
from feedback.retention import Retention, forget_old
from feedback.settings import FeedbackSettings
from feedback.tables import create_tables, predictions, votes
from tests.integration.alerting.kept import raised
from tests.integration.feedback.conftest import service
from tests.integration.feedback.test_service import log, logged, prediction, published, vote
from tests.support.alerting import Worker
from tests.support.alerts import error_state, raised_alerts
from tests.support.eventually import until
from tests.support.mail import MailServer
from tests.support.servers import as_service, free_port, wait_for
from vigie.alerts import RaisedError
from vigie.authors import AuthorBook, is_erased
from vigie.durations import DAY_MS
from vigie.schemas import Erasure, PredictionEvent
from vigie.settings import DEVELOPMENT_SECRET
from vigie.store import Store
from vigie.streams import ALERTS, ERASURES, FEEDBACK, PREDICTIONS, open_redis

AUTHORS = AuthorBook(DEVELOPMENT_SECRET)
SECRET_WORD = "xylophonist"


def by(author: str, text: str, **changes: object) -> PredictionEvent:
    return prediction(text).model_copy(update={"author": AUTHORS.digest(author), "topic": "luggage"} | changes)


def residue(home: Path, url: str) -> list[str]:
    """Every place that still holds the word."""
    found = []
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            kind = client.type(key)
            value: Any = {
                b"stream": lambda key=key: client.xrange(key),
                b"hash": lambda key=key: client.hgetall(key),
                b"string": lambda key=key: client.get(key),
                b"zset": lambda key=key: client.zrange(key, 0, -1),
                b"set": lambda key=key: client.smembers(key),
            }[kind]()
            found += [key.decode()] if SECRET_WORD in str(value) else []
    for database in home.glob("*.db"):
        with sqlite3.connect(database) as connection:
            found += [database.name] if any(SECRET_WORD in line for line in connection.iterdump()) else []
    return found


def erasures(url: str) -> list[Erasure]:
    """What is on the stream, taken off it, once there is something."""
    with redis.Redis.from_url(url, protocol=2) as client:
        wait_for(lambda: client.xlen(ERASURES.name), what="an erasure")
        found = [erasure for _, fields in client.xrange(ERASURES.name) for erasure in ERASURES.decode(fields)]
        client.delete(ERASURES.name)
    return found


def waits_for_a_lock(connection: Connection) -> bool:
    """Whether another transaction on the database does."""
    return bool(connection.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).first())


@pytest.mark.timeout(300)
async def test_an_author_is_forgotten_everywhere_and_the_others_are_not(
    tmp_path: Path,
    redis_url: str,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = FeedbackSettings.read(vigie_home=tmp_path, redis_url=as_service(redis_url))
    mail_server.mailbox.behaviour.refuse = {"RCPT": "451 later"}
    worker = Worker(tmp_path, redis_url=as_service(redis_url), smtp_port=mail_server.port)
    await asyncio.to_thread(worker.run)
    mine = [by("@Ann", f"the {SECRET_WORD} lost my bag {number}") for number in range(3)]
    other = by("bob", "a quiet flight")
    try:
        async with service(settings) as client:
            log(redis_url, [*mine, other])
            await logged(client, 4)
            for event in (*mine, other):
                await vote(client, event.prediction_id)
            await until(worker.alerts)
            assert set(residue(tmp_path, redis_url)) >= {"feedback.db", "alerting.db", PREDICTIONS.name}
            monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
            monkeypatch.setenv("REDIS_URL", redis_url)
            monkeypatch.setattr("feedback.erasure.PATIENCE_SECONDS", 60)  # the worker may be slow
            await asyncio.to_thread(main, ["erase", "--author", "@ann"])
            assert residue(tmp_path, redis_url) == []
            rows = {row["prediction_id"]: row["text"] for row in (await client.get("/predictions")).json()["items"]}
            assert rows == {event.prediction_id: "" for event in mine} | {other.prediction_id: "a quiet flight"}
            export = (await client.get("/feedback/export.csv?raw=true")).text
            assert SECRET_WORD not in export
            assert "a quiet flight" in export
            assert export.count("incorrect") == 4, "how people voted stays"
            mail_server.mailbox.behaviour.refuse = {}
            await until(lambda: mail_server.mailbox.messages)
            assert SECRET_WORD not in mail_server.mailbox.messages[0].as_string()
    finally:
        worker.kill()
    receipt = capsys.readouterr().out
    assert "predictions whose text was removed: 3, of these voted on: 3" in receipt
    assert "waiting for a service to read them first: 0" in receipt
    assert re.search(r"alerts and mails rewritten: [1-9]", receipt)
    assert "copies on disk stay until" in receipt
    assert "ann" not in receipt.replace("annot", "")


async def test_an_erasure_that_loses_redis_is_completed_by_another_one(tmp_path: Path, redis_url: str) -> None:
    author, event = AUTHORS.digest("ann"), by("ann", SECRET_WORD)
    store = Store(f"sqlite:///{tmp_path}/feedback.db")
    await store.write(create_tables)
    await store.write(lambda connection: insert_predictions(connection, [event]))
    away, here = open_redis(f"redis://127.0.0.1:{free_port()}/0"), open_redis(redis_url)
    with pytest.raises(redis.ConnectionError):
        await erase(store, away, author, now_ms=event.created_ms)
    assert residue(tmp_path, redis_url) == []
    for ids in ([event.prediction_id], []):
        erasing = asyncio.create_task(erase(store, here, author, now_ms=event.created_ms))
        (erasure,) = await asyncio.to_thread(erasures, redis_url)
        await here.hset(erasure.answer_key, "alerts", "0")
        assert (await erasing).erasure.prediction_ids == erasure.prediction_ids == ids
    await here.aclose()
    await store.close()


async def test_an_erasure_also_empties_what_was_being_logged_when_it_began(postgres_url: str) -> None:
    store, event = Store(postgres_url), by("ann", SECRET_WORD)
    await store.write(create_tables)
    with store.engine.begin() as logging:
        insert_predictions(logging, [event])
        erasing = asyncio.create_task(
            store.write(lambda connection: erase_texts(connection, AUTHORS.digest("ann"), event.created_ms))
        )
        await until(lambda: erasing.done() or waits_for_a_lock(logging))
    assert await erasing == ([event.prediction_id], 0)
    texts = await store.read(lambda connection: connection.execute(select(predictions.c.text)).scalars().all())
    assert texts == [""]
    await store.close()


async def test_a_state_names_its_author_until_the_text_is_erased(settings: FeedbackSettings, redis_url: str) -> None:
    mine, nobodys = by("ann", SECRET_WORD), prediction("a quiet flight")
    author = AUTHORS.digest("ann")
    async with service(settings) as client:
        log(redis_url, [mine, nobodys])
        await logged(client, 2)
        for event in (mine, nobodys):
            await vote(client, event.prediction_id)
        await until(lambda: len(published(redis_url)) == 2)
        states = {state.prediction_id: (state.text, state.author) for state in published(redis_url)}
        assert states == {mine.prediction_id: (SECRET_WORD, author), nobodys.prediction_id: ("a quiet flight", None)}
        store = Store(settings.store_url())
        await store.write(lambda connection: erase_texts(connection, author, mine.created_ms))
        await store.close()
        await until(lambda: len(published(redis_url)) == 3)
    bare = published(redis_url)[-1]
    assert (bare.prediction_id, bare.text, bare.author) == (mine.prediction_id, None, None)


async def test_what_waits_in_redis_of_predictions_that_the_log_has_trimmed_is_erased_by_its_author(
    tmp_path: Path, redis_url: str
) -> None:
    author = AUTHORS.digest("ann")
    before = error_state("before", 1_000, text=SECRET_WORD).model_copy(update={"author": author, "predicted_ms": 2_000})
    since = before.model_copy(update={"prediction_id": "since", "text": "since then", "predicted_ms": 2_001})
    store, here = Store(f"sqlite:///{tmp_path}/feedback.db"), open_redis(redis_url)
    await store.write(create_tables)
    for state in (before, since):
        alert = raised(state.prediction_id)
        alert = alert.model_copy(update={"errors": [RaisedError(at_ms=1_000, state=state)]})
        await here.xadd(FEEDBACK.name, dict(FEEDBACK.encode([state])))  # type: ignore[arg-type]
        await here.xadd(ALERTS.name, dict(ALERTS.encode([alert])))  # type: ignore[arg-type]
    erasing = asyncio.create_task(erase(store, here, author, now_ms=2_000))
    (erasure,) = await asyncio.to_thread(erasures, redis_url)
    await here.hset(erasure.answer_key, "alerts", "0")
    receipt = await erasing
    assert (receipt.entries, receipt.waiting, residue(tmp_path, redis_url)) == (2, 0, [])
    assert [state.text for state in published(redis_url)] == ["since then"]
    assert [alert.alert_key for alert in await raised_alerts(here)] == ["since"]
    await here.aclose()
    await store.close()


async def test_what_comes_late_of_an_erased_author_stays_out(tmp_path: Path, redis_url: str) -> None:
    event = by("ann", SECRET_WORD)
    erased = {event.author or "": event.created_ms}
    assert is_erased(event.author, event.created_ms, erased)
    assert not is_erased(event.author, event.created_ms + 1, erased), "written after that"
    assert not is_erased(prediction().author, prediction().created_ms, erased)


def test_without_the_alerting_service_the_receipt_says_what_waits(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr("feedback.erasure.PATIENCE_SECONDS", 0.2)
    main(["erase", "--author", "nobody"])
    assert "the alerting service has not answered" in capsys.readouterr().out


async def test_old_texts_and_votes_are_not_kept(tmp_path: Path) -> None:
    store, now = Store(f"sqlite:///{tmp_path}/feedback.db"), int(time() * 1000)
    await store.write(create_tables)
    for days in (1, 89, 91):
        event = prediction(f"{days} days old").model_copy(update={"created_ms": now - days * DAY_MS})
        await store.write(lambda connection, event=event: connection.execute(insert(predictions), [vars(event)]))  # type: ignore[misc]
    assert await store.write(lambda connection: forget_old(connection, Retention(90, 730), now)) == (1, 0)
    left = await store.read(
        lambda connection: connection.execute(select(func.count()).select_from(predictions)).scalar()
    )
    assert left == 2
    assert await store.read(lambda connection: connection.execute(select(votes)).all()) == []
    await store.close()
