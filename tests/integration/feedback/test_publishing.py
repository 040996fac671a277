"""Two replicas on one store and one Redis: what they publish is counted once, and no loss is seen where none is."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import time

import psycopg
import pytest
from sqlalchemy import select

from feedback.publisher import NUMBER, Publisher, publication_number
from feedback.tables import create_tables, publications
from feedback.voting import record
from tests.integration.feedback.test_service import BOOK, prediction, published
from vigie.schemas import FeedbackRequest, Verdict
from vigie.store import Store, StoreUnavailable
from vigie.streams import FEEDBACK, open_redis

LOCK = 1


def now_ms() -> int:
    return int(time() * 1000)


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[list[Store]]:
    """One of each replica."""
    found = [Store(postgres_url) for _ in range(2)]
    await found[0].write(create_tables)
    yield found
    for store in found:
        await store.close()


@pytest.fixture
async def publishers(stores: list[Store], redis_url: str) -> AsyncIterator[list[Publisher]]:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(open_redis(redis_url)) for _ in stores]
        yield [
            Publisher(store, client, now_ms=now_ms, text_arrived=asyncio.Event())
            for store, client in zip(stores, clients, strict=True)
        ]


async def vote(store: Store, name: str) -> None:
    event = prediction(name)
    given = FeedbackRequest(prediction_id=event.prediction_id, verdict=Verdict.INCORRECT)
    await store.write(lambda connection: record(connection, given, BOOK.read(event.prediction_id), now_ms()))


async def test_two_replicas_publish_every_vote_once_and_see_no_loss(
    stores: list[Store], publishers: list[Publisher], redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.gather(*(publisher.turn() for publisher in publishers))
    for number in range(5):
        await vote(stores[0], f"tweet {number}")
        await vote(stores[1], f"another {number}")
        await asyncio.gather(*(publisher.turn() for publisher in publishers))
    with caplog.at_level(logging.WARNING, "feedback.publisher"):
        for publisher in publishers * 2:
            await publisher.turn()
    assert [record.message for record in caplog.records] == []
    assert len(published(redis_url)) == 10
    async with open_redis(redis_url) as redis:
        assert int(await redis.get(NUMBER) or 0) == await stores[0].read(publication_number)
        assert await redis.xlen(FEEDBACK.name) == await stores[0].read(publication_number)


async def test_what_a_replica_put_on_the_stream_before_it_died_is_published_again_by_the_other(
    stores: list[Store], publishers: list[Publisher], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await vote(stores[0], "tweet")

    def die(*_: object) -> int:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("feedback.publisher.mark_published", die)
        with pytest.raises(RuntimeError):
            await publishers[0].turn()
    await publishers[1].turn()
    await publishers[0].turn()
    assert [state.revision for state in published(redis_url)] == [1, 1]
    rows = await stores[0].read(lambda connection: connection.execute(select(publications.c.number)).scalars().all())
    assert rows == [1]


async def test_of_several_one_may_go_on_however_often_the_others_ask(stores: list[Store]) -> None:
    one, two = stores
    async with one.alone(LOCK) as first:
        assert first
        for _ in range(20):
            async with two.alone(LOCK) as second, two.alone(LOCK + 1) as other:
                assert (second, other) == (False, True)
    async with two.alone(LOCK) as second:
        assert second


async def test_who_has_lost_the_connection_has_lost_its_turn_and_is_told(
    stores: list[Store], postgres_url: str
) -> None:
    one, two = stores

    async def lose_it() -> None:
        async with one.alone(LOCK) as first:
            assert first
            end_connections(postgres_url)
            async with two.alone(LOCK) as second:
                assert second

    with pytest.raises(StoreUnavailable):
        await lose_it()
    async with one.alone(LOCK) as first:
        assert first


def end_connections(url: str) -> None:
    """Ends every other connection to the database."""
    others = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with psycopg.connect(url, autocommit=True) as connection:
        for (pid,) in connection.execute(others).fetchall():
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
