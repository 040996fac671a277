"""A gateway in this process, in front of a predictor and backends that do as they are told, and a real Redis."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import redis

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.support.peers import FakeBackend, FakePredictor, Seat
from tests.support.servers import as_service
from vigie.receipts import ReceiptBook
from vigie.settings import DEVELOPMENT_SECRET, derived_key
from vigie.streams import PREDICTIONS

RECEIPTS = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers late on a starved machine is not away."""
    monkeypatch.setattr("gateway.predictors.STATUS_TIMEOUT_SECONDS", 20)
    monkeypatch.setattr("gateway.state.REDIS_TIMEOUT_SECONDS", 20)
    monkeypatch.setattr("gateway.backends.CONNECT_SECONDS", 20)
    monkeypatch.setattr("gateway.backends._PROBE_TIMEOUT", aiohttp.ClientTimeout(total=20))


@pytest.fixture(scope="module")
def seats() -> Iterator[tuple[Seat, Seat]]:
    """Where the predictors and the backends of the module's tests are served, one after another."""
    model, behind = Seat(), Seat()
    with model.peer, behind.peer:
        yield model, behind


@pytest.fixture
def predictor(seats: tuple[Seat, Seat]) -> Iterator[FakePredictor]:
    """The predictor, which behaves until it is told otherwise."""
    found = FakePredictor()
    seats[0].take(found.app())
    yield found
    found.held = False


@pytest.fixture
def backend(seats: tuple[Seat, Seat]) -> FakeBackend:
    """The backend, which behaves until it is told otherwise."""
    found = FakeBackend()
    seats[1].take(found.app())
    return found


@pytest.fixture
def settings(
    redis_url: str, seats: tuple[Seat, Seat], predictor: FakePredictor, backend: FakeBackend
) -> GatewaySettings:
    """A gateway in front of both, as patient as a starved machine needs it; the clients of a test are one burst."""
    model, behind = seats
    return GatewaySettings.read(
        models="logreg",
        redis_url=as_service(redis_url),
        predictor_url=model.peer.url,
        feedback_url=behind.peer.url,
        alerting_url=behind.peer.url,
        predict_timeout_seconds=20,
        queue_burst_seconds=60,
        backend_timeout_seconds=10,
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


async def taken(client: httpx.AsyncClient, predictor: FakePredictor, model: str = "logreg") -> int:
    """How many single tweets came as far as the queue of that family's predictor, or into a call."""
    queued = re.search(f'vigie_upstream_queue_texts{{model="{model}"}} (\\d+)', (await client.get("/metrics")).text)
    assert queued
    return int(queued[1]) + sum(map(len, predictor.calls))


async def logged(redis_url: str, count: int) -> list[Any]:
    """The first events of the prediction log, once there are `count` of them."""
    events: list[Any] = []
    with redis.Redis.from_url(redis_url, protocol=2) as stream:
        async with asyncio.timeout(60):
            while len(events) < count:
                await asyncio.sleep(0.01)
                entries = stream.xrange(PREDICTIONS.name)
                events = [event for _, fields in entries for event in PREDICTIONS.decode(fields)]
    return events
