"""Workers, and a stream to feed them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import time

import pytest
from redis import Redis

from tests.support.alerting import MakeWorker, Worker
from tests.support.alerts import error_state
from tests.support.mail import MailServer
from tests.support.servers import as_service
from vigie.schemas import ErrorState
from vigie.streams import FEEDBACK

Publish = Callable[..., list[ErrorState]]


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
