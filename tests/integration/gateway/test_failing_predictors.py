"""What the gateway makes of a predictor that refuses, fails, hangs or answers rubbish."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import REGISTRY

from gateway.breaker import FAILURES_IN_A_ROW
from gateway.predictors import BULK_CALLS, LeftAlone, PredictorClient
from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import gateway
from tests.support.eventually import eventually
from tests.support.peers import FakePredictor, Peer, Seat
from vigie.catalogue import find_family
from vigie.errors import DeadlineExceeded, Unavailable, VigieError


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (429, 429, "queue_full"),
        (503, 503, "no_model_ready"),
        (504, 504, "deadline_exceeded"),
        (500, 503, "no_model_ready"),
    ],
)
async def test_what_a_predictor_refuses_is_translated(
    client: httpx.AsyncClient, predictor: FakePredictor, refusal: int, status: int, code: str
) -> None:
    predictor.refuse_with = refusal
    for path, body in (("/predict", {"text": "a"}), ("/predict/batch", {"texts": ["a"]})):
        reply = await client.post(path, json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert ("retry-after" in reply.headers) == (status in (429, 503))


async def test_rubbish_from_a_predictor_is_a_503(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    answered = b'{"model_name":"logreg","model_version":"%s","outputs":[%s]}'
    output = b'{"name":"probability_negative","datatype":"FP32","shape":[1],"data":[%s]}'
    odd = [answered % (b"1", output % number) for number in (b"NaN", b"7.5", b"-0.1", b"1e999", b'"0.9"')]
    for garbage in (b"", b"{}", answered % (b"1", b""), answered % (b"1" * 300, output % b"0.5"), *odd):
        predictor.garbage = garbage
        assert (await client.post("/predict", json={"text": "a"})).status_code == 503


async def test_a_date_in_retry_after_is_a_refusal_like_any_other(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    predictor.refuse_with, predictor.retry_after = 429, "Fri, 31 Dec 2027 23:59:59 GMT"
    reply = await client.post("/predict", json={"text": "a"})
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")


@pytest.mark.parametrize(("poisoned", "told"), [(400, 400), (500, 503)])
async def test_one_poisoned_tweet_does_not_fail_its_neighbours(
    client: httpx.AsyncClient, predictor: FakePredictor, poisoned: int, told: int
) -> None:
    predictor.poison, predictor.poisoned, predictor.seconds = "poison", poisoned, 0.05
    texts = [f"good {n}" for n in range(20)] + ["poison"] + [f"bad {n}" for n in range(20)]
    replies = await asyncio.gather(*(client.post("/predict", json={"text": text}) for text in texts))
    assert [reply.status_code for reply in replies] == [200] * 20 + [told] + [200] * 20
    assert (await client.post("/predict", json={"text": "good again"})).status_code == 200


async def test_a_model_that_fails_whatever_it_is_asked_is_left_alone_soon(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    predictor.refuse_with = 500
    replies = await asyncio.gather(*(client.post("/predict", json={"text": f"good {n}"}) for n in range(60)))
    assert {reply.status_code for reply in replies} == {503}
    assert len(predictor.calls) < 30


async def test_a_predictor_that_hangs_is_a_504(settings: GatewaySettings, predictor: FakePredictor) -> None:
    predictor.held = True
    async with gateway(settings.model_copy(update={"predict_timeout_seconds": 0.1})) as client:
        reply = await client.post("/predict", json={"text": "a"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline_exceeded")


async def test_when_a_family_hangs_the_next_of_its_chain_answers_in_time_and_then_at_once(
    settings: GatewaySettings, predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = FakePredictor(held=True)
    monkeypatch.setattr("gateway.predictions.HOP_SHARE", 0.05)  # a second, and the rest for the one that answers
    monkeypatch.setattr("gateway.predictors.FAIR_SHARE", 0.01)
    with Peer(hanging.app()) as peer:
        monkeypatch.setenv("PREDICTOR_LOGREG_PORT", settings.predictor_url.rpartition(":")[2])
        monkeypatch.setenv("PREDICTOR_DISTILBERT_PORT", peer.url.rpartition(":")[2])
        changed = {"models": "logreg,distilbert", "fallback": "distilbert>logreg", "predict_timeout_seconds": 20}
        unchanged = settings.model_dump(include={"redis_url", "feedback_url", "alerting_url"})
        async with gateway(GatewaySettings.read(**unchanged | changed)) as client:
            replies = [
                (await client.post("/predict", json={"text": "bad", "model": "distilbert"})).json() for _ in range(6)
            ]
    assert {(reply["model"]["name"], reply["requested_model"], reply["degraded"]) for reply in replies} == {
        ("logreg", "distilbert", True)
    }
    assert FAILURES_IN_A_ROW <= len(hanging.calls) < 6, "it is left alone then, but for a call at the end of a pause"


@pytest.mark.parametrize(("share", "status"), [(1.1, 200), (0.0, 503)])
async def test_silence_speaks_against_a_predictor_only_when_it_had_a_fair_time(
    settings: GatewaySettings, predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch, share: float, status: int
) -> None:
    monkeypatch.setattr("gateway.predictors.FAIR_SHARE", share)  # of the time that a request has
    monkeypatch.setattr("gateway.breaker.FIRST_PAUSE_SECONDS", 60)
    predictor.held = True
    async with gateway(settings.model_copy(update={"predict_timeout_seconds": 3})) as client:
        for _ in range(FAILURES_IN_A_ROW):
            assert (await client.post("/predict/batch", json={"texts": ["bad"]})).status_code == 504
        predictor.held = False
        assert (await client.post("/predict", json={"text": "bad"})).status_code == status


@pytest.fixture
async def subject(seats: tuple[Seat, Seat], predictor: FakePredictor) -> AsyncIterator[PredictorClient]:
    """Two replicas that are one and the same, for requests that have ten seconds."""
    urls = ",".join([seats[0].peer.url] * 2)
    found = PredictorClient(
        find_family("logreg"), urls, queue_limit=10, burst_seconds=60, batch_size=4, timeout_seconds=10
    )
    yield found
    predictor.held = False
    await found.stop()


@pytest.mark.parametrize(
    ("seconds", "explain", "told"),
    [(0.05, False, DeadlineExceeded), (0.5, True, DeadlineExceeded), (0.5, False, LeftAlone)],
)
async def test_silence_in_what_others_left_of_the_time_says_nothing_and_that_of_all_replicas_does(
    subject: PredictorClient,
    predictor: FakePredictor,
    seconds: float,
    explain: bool,
    told: type[VigieError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.predictors.FAIR_SHARE", 0.01)
    predictor.held = True
    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(DeadlineExceeded):
            await subject.infer_many(["bad"], asyncio.get_running_loop().time() + seconds, explain=explain)
    assert not explain or len(predictor.calls) == FAILURES_IN_A_ROW, "each was asked of one replica, for all its time"

    async def says(number: int) -> type[Exception] | None:
        with pytest.raises(VigieError) as error:
            await subject.infer_one(f"bad {number}", asyncio.get_running_loop().time() + 0.01)
        return error.type

    assert [await says(number) for number in range(3)][-1] is told  # a call ends a moment after its deadline


async def test_who_waits_for_an_answer_on_its_way_needs_no_leave_and_who_is_refused_is_not_counted(
    subject: PredictorClient, predictor: FakePredictor
) -> None:
    until = asyncio.get_running_loop().time() + 60
    predictor.refuse_with = 503
    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(Unavailable):
            await subject.infer_many(["bad"], until)
    predictor.calls.clear()
    predictor.refuse_with, predictor.held = None, True
    new, joined, refused = counted("new"), counted("joined"), 0
    first = asyncio.create_task(subject.infer_one("bad", until))
    while not predictor.calls:  # it is tried out at the end of a pause
        await asyncio.wait([first], timeout=0.05)
        if first.done():
            assert isinstance(first.exception(), LeftAlone)
            refused += 1
            first = asyncio.create_task(subject.infer_one("bad", until))
    second = asyncio.create_task(subject.infer_one("bad", until))
    await asyncio.sleep(0)
    predictor.held = False
    assert await first == await second
    assert refused
    assert (counted("new") - new, counted("joined") - joined) == (1, 1)


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("vigie_single_tweets_total", {"model": "logreg", "result": result}) or 0.0


async def test_what_is_explained_holds_up_no_batch(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    predictor.held = True
    body = {"texts": ["bad"], "explain": True}
    slow = [asyncio.create_task(client.post("/predict/batch", json=body)) for _ in range(BULK_CALLS)]
    batch = asyncio.create_task(client.post("/predict/batch", json={"texts": ["good"]}))

    async def is_asked() -> bool:
        return len(predictor.calls) == BULK_CALLS + 1

    await eventually(is_asked, seconds=30)
    predictor.held = False
    assert {reply.status_code for reply in await asyncio.gather(*slow, batch)} == {200}


async def test_a_full_queue_is_a_429_at_once_and_everybody_else_is_answered(
    settings: GatewaySettings, predictor: FakePredictor
) -> None:
    predictor.held = True
    async with gateway(settings.model_copy(update={"queue_limit": 10, "batch_size": 4})) as client:
        asked = [asyncio.create_task(client.post("/predict", json={"text": f"a {each}"})) for each in range(60)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)  # it was refused
        predictor.held = False
        replies = await asyncio.gather(*asked)
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.status_code for reply in replies} == {200, 429}
    assert refused
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
