"""A family that is overrun is relieved by a cheap one, but for the tweets that one is unsure about."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import gateway, taken
from tests.support.eventually import eventually
from tests.support.peers import FakePredictor, Peer
from vigie.inference import InferenceRequest

SLOW_SECONDS = 0.15
TWEETS = 40
MIXED = ["bad", "bad maybe", "good", "good maybe"]

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Answers = list["asyncio.Task[httpx.Response]"]


@pytest.fixture
def slow() -> FakePredictor:
    """The predictor of `distilbert`, which takes its time."""
    return FakePredictor(version="slow", seconds=SLOW_SECONDS)


@pytest.fixture
def overrun(
    settings: GatewaySettings, predictor: FakePredictor, slow: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> Open:
    """Opens a gateway whose `distilbert` takes two tweets a call, beside a quick `logreg`."""

    @asynccontextmanager
    async def open_gateway(**changes: object) -> AsyncIterator[httpx.AsyncClient]:
        with Peer(slow.app()) as peer:
            monkeypatch.setenv("PREDICTOR_LOGREG_PORT", settings.predictor_url.rpartition(":")[2])
            monkeypatch.setenv("PREDICTOR_DISTILBERT_PORT", peer.url.rpartition(":")[2])
            told = settings.model_dump(include={"redis_url", "feedback_url", "alerting_url"})
            told |= {
                "models": "logreg,distilbert",
                "batch_size": 2,
                "queue_burst_seconds": 60,
                "brown_out_seconds": 0.2,
                "predict_timeout_seconds": 60,
            } | changes
            async with gateway(GatewaySettings.read(**told)) as client:
                yield client

    return open_gateway


def ask(client: httpx.AsyncClient, text: str) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post("/predict", json={"text": text, "model": "distilbert"}))


async def ask_until_all_wait(client: httpx.AsyncClient, slow: FakePredictor, asked: Answers, texts: list[str]) -> None:
    """Adds these, one after another, each once the one before waits for `distilbert` or has been answered."""
    for text in texts:
        asked.append(ask(client, text))

        async def answered_or_waits() -> bool:
            done = sum(task.done() for task in asked)
            return await taken(client, slow, "distilbert") + done == len(asked)

        await eventually(answered_or_waits, seconds=20)


@asynccontextmanager
async def crowd(
    client: httpx.AsyncClient, slow: FakePredictor, predictor: FakePredictor, word: str = ""
) -> AsyncIterator[Answers]:
    """Inside the block so many wait for `distilbert` that there is a brown-out, and the cheap one is not asked yet."""
    assert (await ask(client, f"first bad {word}")).json()["model"]["name"] == "distilbert"
    slow.calls.clear()
    slow.held, asked = True, Answers()
    try:
        await ask_until_all_wait(client, slow, asked, [f"bad {word} {number}" for number in range(TWEETS // 2)])
        predictor.calls.clear()
        yield asked
    finally:
        slow.held, slow.seconds = False, 0.0


async def all_at_once(
    client: httpx.AsyncClient, slow: FakePredictor, predictor: FakePredictor, word: str = ""
) -> list[dict[str, Any]]:
    """The answers to many different tweets for `distilbert`; the second half comes while the first one waits."""
    later = [f"bad {word} {number}" for number in range(TWEETS // 2, TWEETS)]
    async with crowd(client, slow, predictor, word) as asked:
        await ask_until_all_wait(client, slow, asked, later)
    replies = await asyncio.gather(*asked)
    assert {reply.status_code for reply in replies} == {200}
    return [reply.json() for reply in replies]


async def test_the_cheap_family_answers_and_says_so(
    overrun: Open, slow: FakePredictor, predictor: FakePredictor
) -> None:
    async with overrun() as client:
        answers = await all_at_once(client, slow, predictor)
        metrics = (await client.get("/metrics")).text
    by = [(answer["model"]["name"], answer["requested_model"], answer["degraded"]) for answer in answers]
    relieved = ("logreg", "distilbert", True)
    assert set(by) == {("distilbert", None, False), relieved}
    counted = re.search(r'vigie_brown_out_tweets_total{answered_by="cheap",model="distilbert"} (\d+)', metrics)
    assert counted
    assert int(counted[1]) >= by.count(relieved)


async def test_what_it_is_unsure_about_is_sent_on(overrun: Open, slow: FakePredictor, predictor: FakePredictor) -> None:
    async with overrun() as client:
        answers = await all_at_once(client, slow, predictor, "maybe")
    assert predictor.calls, "it was asked"
    assert {answer["model"]["name"] for answer in answers} == {"distilbert"}


async def test_its_answer_stands_when_the_wanted_family_takes_no_more(
    overrun: Open, slow: FakePredictor, predictor: FakePredictor
) -> None:
    async with overrun(queue_limit=TWEETS // 2) as client:
        answers = await all_at_once(client, slow, predictor, "maybe")
    assert {answer["model"]["name"] for answer in answers} == {"distilbert", "logreg"}


async def test_a_batch_is_relieved_tweet_by_tweet(overrun: Open, slow: FakePredictor, predictor: FakePredictor) -> None:
    async def names(client: httpx.AsyncClient) -> list[str]:
        reply = await client.post("/predict/batch", json={"texts": MIXED, "model": "distilbert"})
        return [row["model"]["name"] for row in reply.json()["predictions"]]

    async with overrun() as client:
        assert await names(client) == ["distilbert"] * 4
        async with crowd(client, slow, predictor):
            relieved = asyncio.create_task(names(client))
            await until_asked(predictor)
        assert await relieved == ["logreg", "distilbert", "logreg", "distilbert"]


async def until_asked(predictor: FakePredictor) -> None:
    async def asked() -> bool:
        return bool(predictor.calls)

    await eventually(asked)


async def test_a_call_by_the_open_inference_protocol_is_answered_by_one_family(
    overrun: Open, slow: FakePredictor, predictor: FakePredictor
) -> None:
    asked = InferenceRequest.of(MIXED).model_dump(exclude_none=True)
    async with overrun() as client:
        async with crowd(client, slow, predictor):
            call = asyncio.create_task(client.post("/v2/models/distilbert/infer", json=asked))
            await until_asked(predictor)
        assert (await call).json()["model_version"] == "slow", "the cheap one was unsure of some"


async def test_a_family_that_refuses_tweets_is_relieved_at_once(overrun: Open, slow: FakePredictor) -> None:
    asked: Answers = []
    slow.held = True
    async with overrun(brown_out_seconds=60, queue_burst_seconds=0.1) as client:
        while "logreg" not in {task.result().json()["model"]["name"] for task in asked if task.done()}:
            asked.append(ask(client, f"bad {len(asked)}"))
            await asyncio.wait(asked, timeout=0.02)
        slow.held = False
        assert {reply.status_code for reply in await asyncio.gather(*asked)} == {200}


async def test_a_crowd_at_the_start_is_not_relieved_before_anything_is_known_of_the_family(
    overrun: Open, slow: FakePredictor, predictor: FakePredictor
) -> None:
    slow.held = True
    async with overrun(brown_out_seconds=10) as client:
        asked = [ask(client, f"bad {number}") for number in range(16)]

        async def all_wait() -> bool:
            return await taken(client, slow, "distilbert") + sum(task.done() for task in asked) == len(asked)

        await eventually(all_wait)
        slow.held = False
        replies = await asyncio.gather(*asked)
    assert {reply.json()["model"]["name"] for reply in replies} == {"distilbert"}
    assert not predictor.calls


async def test_a_family_that_answers_nothing_from_the_start_is_relieved_once_its_queue_has_stood(
    overrun: Open, slow: FakePredictor
) -> None:
    asked: Answers = []
    slow.held = True
    async with overrun() as client:
        while not any(task.done() for task in asked):
            asked.append(ask(client, f"bad {len(asked)}"))
            await asyncio.wait(asked, timeout=0.02)
        relieved = [task for task in asked if task.done()]
        slow.held = False
        replies = [reply.json() for reply in await asyncio.gather(*asked)]
    assert [reply["model"]["name"] for reply in replies[:3]] == ["distilbert"] * 3
    assert {task.result().json()["model"]["name"] for task in relieved} == {"logreg"}


async def test_with_no_budget_everybody_waits(overrun: Open, slow: FakePredictor, predictor: FakePredictor) -> None:
    async with overrun(brown_out_seconds=0) as client:
        answers = await all_at_once(client, slow, predictor)
    assert {answer["model"]["name"] for answer in answers} == {"distilbert"}


async def test_a_cheap_family_that_hangs_costs_nobody_their_answer(
    overrun: Open, slow: FakePredictor, predictor: FakePredictor
) -> None:
    async with overrun() as client:

        async def cheap_has_all() -> bool:
            return await taken(client, predictor) == len(later)

        async with crowd(client, slow, predictor) as asked:
            predictor.held = True
            with pytest.MonkeyPatch.context() as shortened:
                shortened.setattr("gateway.predictions.HOP_SHARE", 0.05)  # of a minute, for the cheap one
                later = [ask(client, f"bad later {number}") for number in range(4)]
                await eventually(cheap_has_all)
        replies = await asyncio.gather(*later)
        assert {reply.status_code for reply in await asyncio.gather(*asked)} == {200}
    assert [(reply.status_code, reply.json()["model"]["name"]) for reply in replies] == [(200, "distilbert")] * 4
