"""A gateway in this process, in front of a predictor and backends that do as they are told, and a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.support.peers import FakeBackend, FakePredictor, Peer
from tests.support.servers import as_service
from vigie.receipts import ReceiptBook
from vigie.settings import DEVELOPMENT_SECRET, derived_key
from vigie.streams import PREDICTIONS

RECEIPTS = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[FakePredictor, FakeBackend, str, str]]:
    """A predictor and a backend that run through the module, and their URLs."""
    predictor, backend = FakePredictor(), FakeBackend()
    with Peer(predictor.app()) as model, Peer(backend.app()) as behind:
        yield predictor, backend, model.url, behind.url


@pytest.fixture
def predictor(peers: tuple[FakePredictor, FakeBackend, str, str]) -> FakePredictor:
    """The predictor, behaving again."""
    vars(peers[0]).update(vars(FakePredictor()))
    return peers[0]


@pytest.fixture
def backend(peers: tuple[FakePredictor, FakeBackend, str, str]) -> FakeBackend:
    """The backend, behaving again."""
    vars(peers[1]).update(vars(FakeBackend()))
    return peers[1]


@pytest.fixture
def settings(
    redis_url: str, peers: tuple[FakePredictor, FakeBackend, str, str], predictor: FakePredictor, backend: FakeBackend
) -> GatewaySettings:
    """A gateway in front of both; the clients of a test are slow to come, and one burst."""
    *_, predictor_url, backend_url = peers
    return GatewaySettings.read(
        models="logreg",
        redis_url=as_service(redis_url),
        predictor_url=predictor_url,
        feedback_url=backend_url,
        alerting_url=backend_url,
        predict_timeout_seconds=2,
        queue_burst_seconds=60,
        backend_timeout_seconds=1,
    )


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that runs in this process with its real lifespan."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            yield client


@pytest.fixture
async def client(settings: GatewaySettings) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(settings) as found:
        yield found


async def logged(redis_url: str, count: int) -> list[Any]:
    """The first events of the prediction log, once there are `count` of them."""
    events: list[Any] = []
    with redis.Redis.from_url(redis_url, protocol=2) as stream:
        while len(events) < count:
            await asyncio.sleep(0.01)
            events = [event for _, fields in stream.xrange(PREDICTIONS.name) for event in PREDICTIONS.decode(fields)]
    return events
