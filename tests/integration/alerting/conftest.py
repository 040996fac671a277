"""Workers, and a stream to feed them; a store without a worker."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from time import time

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from alerting.store import AlertStore
from tests.integration.alerting.kept import Clock
from tests.support.alerting import MakeWorker, Worker
from tests.support.alerts import error_state
from tests.support.mail import MailServer
from tests.support.servers import as_service
from vigie.schemas import ErrorState
from vigie.store import Store
from vigie.streams import FEEDBACK, open_redis

Publish = Callable[..., list[ErrorState]]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[AsyncRedis]:
    """A client of the tests' Redis."""
    client = open_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def make_worker(redis_url: str, mail_server: MailServer, tmp_path: Path) -> Iterator[MakeWorker]:
    """Makes workers that share Redis, store and mail server; all are killed afterwards."""
    workers: list[Worker] = []

    def make(**environment: object) -> Worker:
        usual = {"redis_url": as_service(redis_url), "smtp_port": mail_server.port}
        workers.append(Worker(tmp_path, **(usual | environment)))
        return workers[-1]

    yield make
    for worker in workers:
        worker.kill()


@pytest.fixture
def publish(redis_url: str) -> Iterator[Publish]:
    """Puts errors that happen now on the stream, as the feedback service does; returns their states."""
    with Redis.from_url(redis_url) as redis:

        def put(*names: str, model: str = "logreg", text: str = "") -> list[ErrorState]:
            states = [error_state(name, int(time() * 1000), model=model, text=text) for name in names]
            for state in states:
                redis.xadd(FEEDBACK.name, dict(FEEDBACK.encode([state])))
            return states

        yield put


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/alerting.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[AlertStore]:
    sql = Store(url)
    found = AlertStore(sql, now_ms=clock)
    await found.prepare()
    yield found
    await sql.close()
