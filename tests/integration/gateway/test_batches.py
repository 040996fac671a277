"""Batches: asked for in parts, answered as one."""

import asyncio

import httpx

from gateway.breaker import FAILURES_IN_A_ROW
from gateway.parts import PART
from tests.integration.gateway.conftest import logged
from tests.support.peers import FakePredictor


async def test_a_batch_is_answered_in_order_in_parts(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    texts = [f"{'bad' if number % 3 else 'good'} {number % 900}" for number in range(1000)]
    reply = await client.post("/predict/batch", json={"texts": texts, "model": "logreg"})
    assert [row["prediction_label"] for row in reply.json()["predictions"]] == [
        0 if "bad" in text else 1 for text in texts
    ]
    different = list(dict.fromkeys(texts))
    parts = [different[start : start + PART] for start in range(0, len(different), PART)]
    assert sorted(predictor.calls) == sorted(parts)


async def test_a_batch_is_one_versions_although_another_one_takes_over_meanwhile(
    client: httpx.AsyncClient, predictor: FakePredictor, redis_url: str
) -> None:
    predictor.then, predictor.version = ["7", "7"], "8"
    texts = [f"flight {number}" for number in range(1000)]
    reply = await client.post("/predict/batch", json={"texts": texts})
    assert {row["model"]["version"] for row in reply.json()["predictions"]} == {"8"}
    assert predictor.calls[-1] == texts
    assert {event.version for event in await logged(redis_url, 1000)} == {"8"}


async def test_a_batch_of_which_a_part_fails_fails_and_leaves_nothing_in_the_log(
    client: httpx.AsyncClient, predictor: FakePredictor, redis_url: str
) -> None:
    predictor.poison = "flight 999"
    reply = await client.post("/predict/batch", json={"texts": [f"flight {number}" for number in range(1000)]})
    assert reply.status_code == 400
    assert (await client.post("/predict", json={"text": "afterwards"})).status_code == 200
    assert [event.text for event in await logged(redis_url, 1)] == ["afterwards"]


async def test_the_same_text_again_in_a_batch_is_computed_once_and_explained_every_time(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    texts = ["bad delay", "good crew", "bad delay", "fine", "good crew", "bad delay"]
    reply = await client.post("/predict/batch", json={"texts": texts, "explain": True})
    predictions = reply.json()["predictions"]
    assert [row["prediction_label"] for row in predictions] == [0, 1, 0, 1, 1, 0]
    assert [row["explanation"][0]["word"] for row in predictions] == [text.split()[0] for text in texts]
    assert len({row["prediction_id"] for row in predictions}) == 6
    assert predictor.calls == [["bad delay", "good crew", "fine"]]


async def test_of_a_batch_that_finds_no_room_nothing_is_computed(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    predictor.held = True
    batches = [[f"flight {batch} {number}" for number in range(3 * PART)] for batch in range(30)]
    asked = [asyncio.create_task(client.post("/predict/batch", json={"texts": texts})) for texts in batches]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)  # it was refused
    predictor.held = False
    replies = await asyncio.gather(*asked)
    answered = [texts for texts, reply in zip(batches, replies, strict=True) if reply.status_code == 200]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert len(answered) + len(refused) == len(batches)
    assert answered
    assert refused
    assert all(int(reply.headers["Retry-After"]) >= 1 for reply in refused)
    assert sorted(text for call in predictor.calls for text in call) == sorted(
        text for each in answered for text in each
    )


async def test_a_predictor_that_failed_is_tried_out_with_a_whole_batch(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    texts = [f"flight {number}" for number in range(1000)]
    predictor.refuse_with = 503
    for _ in range(FAILURES_IN_A_ROW):  # of one part each: another part could still be under way after the answer
        assert (await client.post("/predict/batch", json={"texts": texts[:PART]})).status_code == 503
    predictor.calls.clear()
    predictor.refuse_with = None
    async with asyncio.timeout(30):
        while not predictor.calls:
            reply = await client.post("/predict/batch", json={"texts": texts})
    assert reply.status_code == 200
    assert predictor.calls == [texts]
