"""More tweets than are answered: one call's worth of them waits, the rest is turned away at once."""

import asyncio

import httpx
import pytest

from gateway.breaker import FAILURES_IN_A_ROW
from gateway.predictors import UPSTREAM_CALLS, PredictorClient
from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import gateway
from tests.support.eventually import eventually
from tests.support.peers import FakePredictor, Peer
from vigie.batching import STANDING_BATCHES
from vigie.catalogue import find_family

TWEETS, CALL = 60, 4
MOST = (UPSTREAM_CALLS + STANDING_BATCHES) * CALL


async def test_a_queue_that_stands_is_short_and_the_rest_is_told_when_to_come_back(
    settings: GatewaySettings, predictor: FakePredictor
) -> None:
    predictor.held = True
    told = settings.model_copy(update={"batch_size": CALL, "queue_burst_seconds": 0.0, "predict_timeout_seconds": 60.0})
    async with gateway(told) as client:
        asked = [asyncio.create_task(client.post("/predict", json={"text": f"bad {n}"})) for n in range(TWEETS)]

        async def told_to_come_back() -> bool:
            return sum(task.done() for task in asked) >= TWEETS - MOST

        await eventually(told_to_come_back, seconds=30)
        assert {task.result().status_code for task in asked if task.done()} == {429}
        predictor.held = False
        replies = await asyncio.gather(*asked)
        answered = [reply for reply in replies if reply.status_code == 200]
        refused = [reply for reply in replies if reply.status_code == 429]
        assert len(answered) + len(refused) == TWEETS
        assert CALL <= len(answered) <= MOST
        assert {reply.json()["error"]["code"] for reply in refused} == {"queue_full"}
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
        assert (await client.post("/predict", json={"text": "bad again"})).status_code == 200


async def test_two_replicas_share_the_calls_and_one_that_is_gone_costs_nothing(settings: GatewaySettings) -> None:
    one, other = FakePredictor(version="7"), FakePredictor(version="7")
    with Peer(one.app()) as first:
        with Peer(other.app()) as second:
            told = settings.model_copy(update={"predictor_url": f"{first.url}, {second.url}", "batch_size": 1})
            async with gateway(told) as client:
                await ask(client, "both")
                assert one.calls
                assert other.calls
        async with gateway(told) as client:
            await ask(client, "one is gone")


async def test_a_replica_without_a_model_yet_does_not_take_its_family_down(settings: GatewaySettings) -> None:
    empty, well = FakePredictor(refuse_with=503), FakePredictor()
    with Peer(empty.app()) as first, Peer(well.app()) as second:
        told = settings.model_copy(update={"predictor_url": f"{first.url},{second.url}"})
        async with gateway(told) as client:
            assert (await client.get("/readyz")).status_code == 200
            for number in range(5):
                assert (await client.post("/predict", json={"text": f"bad {number}"})).status_code == 200
            await ask(client, "one is empty")


async def test_a_replica_that_hangs_costs_nobody_their_answer(
    settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.replicas.ATTEMPT_SHARE", 0.05)
    monkeypatch.setattr("gateway.replicas.REST_SECONDS", 0.0)
    hanging, well = FakePredictor(held=True), FakePredictor()
    with Peer(hanging.app()) as first, Peer(well.app()) as second:
        urls = {"predictor_url": f"{first.url},{second.url}", "predict_timeout_seconds": 20}
        async with gateway(settings.model_copy(update=urls)) as client:
            for number in range(FAILURES_IN_A_ROW + 1):
                assert (await client.post("/predict", json={"text": f"bad {number}"})).status_code == 200
            await ask(client, "one hangs")
    assert hanging.calls


async def test_what_is_known_of_a_family_is_heard_from_the_replica_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.replicas.ATTEMPT_SHARE", 0.05)
    monkeypatch.setattr("gateway.replicas.REST_SECONDS", 0.0)
    async with asyncio.timeout(60), await asyncio.start_server(silent, "127.0.0.1", 0) as hanging:
        with Peer(FakePredictor().app()) as well:
            urls = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]},{well.url}"
            client = PredictorClient(
                find_family("logreg"), urls, queue_limit=10, burst_seconds=60, batch_size=4, timeout_seconds=5
            )
            assert [(await client.status()).ready for _ in range(2)] == [True, True]
            await client.stop()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def ask(client: httpx.AsyncClient, word: str) -> None:
    replies = await asyncio.gather(*(client.post("/predict", json={"text": f"{word} {n}"}) for n in range(20)))
    assert {reply.status_code for reply in replies} == {200}
