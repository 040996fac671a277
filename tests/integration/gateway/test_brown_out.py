"""A family that is overrun is relieved by a cheap one, but for the tweets that one is unsure about."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import gateway
from tests.support.peers import FakePredictor, Peer
from vigie.inference import InferenceRequest

SLOW_SECONDS = 0.15
TWEETS = 40

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def overrun(settings: GatewaySettings, predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a gateway whose `distilbert` takes its time, two tweets a call, beside a quick `logreg`."""

    @asynccontextmanager
    async def open_gateway(**changes: object) -> AsyncIterator[httpx.AsyncClient]:
        with Peer(FakePredictor(version="slow", seconds=SLOW_SECONDS).app()) as peer:
            monkeypatch.setenv("PREDICTOR_LOGREG_PORT", settings.predictor_url.rpartition(":")[2])
            monkeypatch.setenv("PREDICTOR_DISTILBERT_PORT", peer.url.rpartition(":")[2])
            told = settings.model_dump(include={"redis_url", "feedback_url", "alerting_url"})
            told |= {
                "models": "logreg,distilbert",
                "batch_size": 2,
                "queue_burst_seconds": 60,
                "brown_out_seconds": 0.2,
                "predict_timeout_seconds": 20,
            } | changes
            async with gateway(GatewaySettings.read(**told)) as client:
                yield client

    return open_gateway


async def all_at_once(client: httpx.AsyncClient, word: str = "") -> list[dict[str, Any]]:
    """The answers to many different tweets for `distilbert`, after two that teach the gateway how fast it is."""
    bodies = [{"text": f"bad {word} {number}", "model": "distilbert"} for number in range(TWEETS)]
    await asyncio.gather(
        *(client.post("/predict", json=body | {"text": f"first {body['text']}"}) for body in bodies[:8])
    )
    waiting = [asyncio.create_task(client.post("/predict", json=body)) for body in bodies[: TWEETS // 2]]
    empty = 'vigie_upstream_queue_texts{model="distilbert"} 0.0'
    while empty in (await client.get("/metrics")).text and not all(task.done() for task in waiting):
        await asyncio.wait(waiting, timeout=0.001)
    replies = await asyncio.gather(*waiting, *(client.post("/predict", json=body) for body in bodies[TWEETS // 2 :]))
    assert {reply.status_code for reply in replies} == {200}
    return [reply.json() for reply in replies]


async def test_the_cheap_family_answers_and_says_so(overrun: Open) -> None:
    async with overrun() as client:
        answers = await all_at_once(client)
        metrics = (await client.get("/metrics")).text
    by = [(answer["model"]["name"], answer["requested_model"], answer["degraded"]) for answer in answers]
    relieved = ("logreg", "distilbert", True)
    assert set(by) == {("distilbert", None, False), relieved}
    counted = re.search(r'vigie_brown_out_tweets_total{answered_by="cheap",model="distilbert"} (\d+)', metrics)
    assert counted
    assert int(counted[1]) >= by.count(relieved)


async def test_what_it_is_unsure_about_is_sent_on(overrun: Open) -> None:
    async with overrun() as client:
        answers = await all_at_once(client, "maybe")
    assert {answer["model"]["name"] for answer in answers} == {"distilbert"}


async def test_its_answer_stands_when_the_wanted_family_takes_no_more(overrun: Open) -> None:
    async with overrun(queue_limit=TWEETS // 2) as client:
        answers = await all_at_once(client, "maybe")
    assert {answer["model"]["name"] for answer in answers} == {"distilbert", "logreg"}


async def test_a_batch_is_relieved_tweet_by_tweet(overrun: Open) -> None:
    async with overrun() as client:
        waiting = asyncio.create_task(all_at_once(client))
        texts = ["bad", "bad maybe", "good", "good maybe"]
        names: set[str] = set()
        while not waiting.done():
            reply = await client.post("/predict/batch", json={"texts": texts, "model": "distilbert"})
            names.add(" ".join(row["model"]["name"] for row in reply.json()["predictions"]))
        await waiting
    assert "logreg distilbert logreg distilbert" in names
    assert names <= {"logreg distilbert logreg distilbert", "distilbert distilbert distilbert distilbert"}


async def test_a_call_by_the_open_inference_protocol_is_answered_by_one_family(overrun: Open) -> None:
    texts = ["bad", "bad maybe", "good", "good maybe"]
    asked = InferenceRequest.of(texts).model_dump(exclude_none=True)
    calls: list[httpx.Response] = []
    async with overrun() as client:
        waiting = asyncio.create_task(all_at_once(client))
        while not waiting.done():
            calls.append(await client.post("/v2/models/distilbert/infer", json=asked))
        await waiting
    assert calls
    assert {reply.json()["model_version"] for reply in calls} == {"slow"}, "the cheap one was unsure of some"


async def test_a_family_that_refuses_tweets_is_relieved_at_once(overrun: Open) -> None:
    asked: list[asyncio.Task[httpx.Response]] = []
    async with overrun(brown_out_seconds=60, queue_burst_seconds=0.1) as client:
        while "logreg" not in {task.result().json()["model"]["name"] for task in asked if task.done()}:
            body = {"text": f"bad {len(asked)}", "model": "distilbert"}
            asked.append(asyncio.create_task(client.post("/predict", json=body)))
            await asyncio.wait(asked, timeout=0.02)
        assert {reply.status_code for reply in await asyncio.gather(*asked)} == {200}


async def test_with_no_budget_everybody_waits(overrun: Open) -> None:
    async with overrun(brown_out_seconds=0) as client:
        answers = await all_at_once(client)
    assert {answer["model"]["name"] for answer in answers} == {"distilbert"}


async def test_a_cheap_family_that_hangs_costs_nobody_their_answer(overrun: Open, predictor: FakePredictor) -> None:
    async with overrun(predict_timeout_seconds=4) as client:
        predictor.seconds = 3.5
        answers = await all_at_once(client)
    assert predictor.calls, "it was asked"
    assert {answer["model"]["name"] for answer in answers} == {"distilbert"}
