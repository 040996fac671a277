"""A challenger answers its share, a shadow hears of everything; what they say is noted beside the champion's answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import redis
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import Response

from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import RECEIPTS, gateway, logged
from tests.support.eventually import eventually, until
from tests.support.peers import FakeBackend, FakePredictor, Seat, until_left
from vigie.inference import InferenceRequest
from vigie.model_status import Rejection
from vigie.streams import TRIALS
from vigie.trials import Record, StopReason, TrialEvent, TrialList, TrialReport, TrialStop

TEXTS = [f"{'bad' if number % 2 else 'good'} flight {number}" for number in range(200)]
NOTHING = TrialList(items=[], stopped=[])
STOP = TrialStop(
    model="logreg", version="8", at=datetime(2026, 1, 1, tzinfo=UTC), reason=StopReason.VOTED_DOWN, detail="worse"
)

Open = Callable[..., Any]


@dataclass
class Told(FakePredictor):
    """A predictor whose version on trial of an alias in `answers` says that, whatever it is asked; null is silence."""

    answers: dict[str, Response | None] = field(default_factory=dict)

    async def infer_on_trial(self, request: Request) -> Response:
        """`POST …/versions/{alias}/infer`."""
        alias = request.path_params["alias"]
        if alias not in self.answers:
            return await super().infer_on_trial(request)
        if (answer := self.answers[alias]) is None:
            await until_left(request)
        return answer or Response()


@pytest.fixture
def on_trial(
    settings: GatewaySettings, predictor: FakePredictor, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> Open:
    """Opens a gateway in front of a family with version 8 as challenger and 9 as shadow, once it knows of them.

    It waits longer for both than it would: what is late on a starved machine has not failed.
    """
    monkeypatch.setattr("gateway.challenger.PATIENCE_SECONDS", 10)
    monkeypatch.setattr("gateway.shadow.PATIENCE_SECONDS", 10)

    @asynccontextmanager
    async def open_gateway(percent: float, **aliases: str) -> AsyncIterator[httpx.AsyncClient]:
        predictor.on_trial = aliases
        backend.trials = backend.trials or NOTHING
        told = settings.model_copy(update={"canary_percent": percent, "predict_timeout_seconds": 10})
        async with gateway(told) as client:

            async def known() -> bool:
                (model,) = (await client.get("/models")).json()["models"]
                return {each["alias"]: each["trial"]["version"] for each in model["trials"]} == aliases

            await eventually(known)
            yield client

    return open_gateway


async def noted(redis_url: str, count: int) -> list[TrialEvent]:
    """What was noted, once that is so much."""
    events: list[TrialEvent] = []

    async def enough() -> bool:
        with redis.Redis.from_url(redis_url, protocol=2) as stream:
            events[:] = [event for _, fields in stream.xrange(TRIALS.name) for event in TRIALS.decode(fields)]
        return len(events) >= count

    await eventually(enough)
    return events


async def test_a_share_of_the_tweets_is_answered_by_the_challenger_always_the_same_ones(
    on_trial: Open, redis_url: str
) -> None:
    async with on_trial(25, challenger="8") as client:
        texts = [f"RT @bob: {text}" for text in TEXTS]
        together = (await client.post("/predict/batch", json={"texts": texts})).json()["predictions"]
        alone = [(await client.post("/predict", json={"text": f"RT @ann: {text}"})).json() for text in TEXTS[:40]]
    versions = [answer["model"]["version"] for answer in together]
    assert [answer["model"]["version"] for answer in alone] == versions[:40], "retweets go together"
    assert 25 <= versions.count("8") <= 75
    for text, answer in zip(TEXTS, together, strict=True):
        assert answer["prediction_label"] == (("bad" in text) == (answer["model"]["version"] == "8"))
        assert RECEIPTS.read(answer["prediction_id"]).version == answer["model"]["version"]
        assert answer["degraded"] is False
    events = await noted(redis_url, versions.count("8"))
    by_id = {answer["prediction_id"]: answer for answer in together + alone}
    for event in events:
        assert (event.alias, event.version, event.champion, event.answered) == ("challenger", "8", "7", True)
        assert event.probability_negative == by_id[event.prediction_id]["probabilities"]["negative"]
        assert event.champion_negative == pytest.approx(1 - (event.probability_negative or 0))


async def test_the_same_texts_are_the_share_of_every_gateway(on_trial: Open) -> None:
    shares = []
    for _ in range(2):
        async with on_trial(10, challenger="8") as client:
            answers = (await client.post("/predict/batch", json={"texts": TEXTS})).json()["predictions"]
            shares.append([answer["model"]["version"] for answer in answers])
    assert shares[0] == shares[1]
    assert "8" in shares[0]


async def test_without_a_percentage_no_challenger_answers_and_the_shadow_hears_everything(
    on_trial: Open, predictor: FakePredictor, redis_url: str
) -> None:
    async with on_trial(0, challenger="8", shadow="9") as client:
        answers = [(await client.post("/predict", json={"text": text})).json() for text in TEXTS[:20]]
        events = await noted(redis_url, 20)
        metrics = (await client.get("/metrics")).text
    assert {answer["model"]["version"] for answer in answers} == {"7"}
    assert {alias for alias, _ in predictor.trial_calls} == {"shadow"}
    assert {event.prediction_id for event in events} == {answer["prediction_id"] for answer in answers}
    assert {(event.alias, event.version, event.answered) for event in events} == {("shadow", "9", False)}
    assert 'vigie_trial_tweets_total{alias="shadow",model="logreg",result="differed"}' in metrics


async def test_a_shadow_that_is_busy_or_slow_holds_up_nobody_and_what_it_misses_is_counted(
    on_trial: Open, predictor: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.shadow.PATIENCE_SECONDS", 2)
    predictor.refuse_trials_with = 429
    async with on_trial(0, shadow="9") as client:
        dropped = 'vigie_trial_tweets_total{alias="shadow",model="logreg",result="dropped"}'

        async def count() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            return sum(float(line.split()[-1]) for line in lines if line.startswith(dropped))

        before = await count()
        assert (await client.post("/predict/batch", json={"texts": TEXTS})).status_code == 200

        async def all_dropped() -> bool:
            return await count() == before + len(TEXTS)

        await eventually(all_dropped)
        predictor.refuse_trials_with, predictor.trial_seconds = None, 30
        for start in range(0, 200, 50):
            await client.post("/predict/batch", json={"texts": [f"{start} {text}" for text in TEXTS]})
        assert await count() > before + len(TEXTS), "there is room for a few hundred copies and no more"


@pytest.mark.parametrize("refusal", [500, 503, 504, 400])
async def test_where_the_challenger_fails_the_champion_answers_and_that_is_noted(
    on_trial: Open, predictor: FakePredictor, redis_url: str, refusal: int
) -> None:
    predictor.refuse_trials_with = refusal
    async with on_trial(100, challenger="8") as client:
        answer = (await client.post("/predict", json={"text": "bad flight"})).json()
    assert (answer["model"]["version"], answer["prediction_label"]) == ("7", 0)
    (event,) = await noted(redis_url, 1)
    assert (event.version, event.probability_negative, event.answered) == ("8", None, False)
    assert event.prediction_id == answer["prediction_id"]
    assert event.failure


@pytest.mark.parametrize("refusal", [429, 404])
async def test_a_challenger_that_is_full_or_gone_has_not_failed(
    on_trial: Open, predictor: FakePredictor, redis_url: str, refusal: int
) -> None:
    predictor.refuse_trials_with = refusal
    async with on_trial(100, challenger="8") as client:
        answers = [(await client.post("/predict", json={"text": text})).json() for text in TEXTS[:5]]
        predictor.refuse_trials_with = None
        later = (await client.post("/predict", json={"text": "bad flight"})).json()
    assert {answer["model"]["version"] for answer in answers} == {"7"}
    assert later["model"]["version"] == "8"
    (event,) = await noted(redis_url, 1)
    assert event.prediction_id == later["prediction_id"]


async def test_no_challenger_is_blamed_for_the_failure_of_the_one_before_it(
    on_trial: Open, predictor: FakePredictor, redis_url: str
) -> None:
    predictor.refuse_trials_with, predictor.held = 500, True
    async with on_trial(100, challenger="8") as client:
        asked = asyncio.create_task(client.post("/predict", json={"text": "bad flight"}))
        await until(lambda: predictor.calls and predictor.trial_calls, what="calls to both")
        predictor.on_trial = {"challenger": "10"}

        async def another() -> bool:
            (model,) = (await client.get("/models")).json()["models"]
            return [each["trial"]["version"] for each in model["trials"]] == ["10"]

        await eventually(another)
        predictor.refuse_trials_with, predictor.held = None, False
        assert (await asked).json()["model"]["version"] == "7"
        later = (await client.post("/predict", json={"text": "bad flight"})).json()
    (event,) = await noted(redis_url, 1)
    assert (event.prediction_id, event.version, event.failure) == (later["prediction_id"], "10", None)


async def test_a_challenger_that_hangs_costs_a_second_and_no_answer(
    on_trial: Open, predictor: FakePredictor, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.challenger.PATIENCE_SECONDS", 1)
    predictor.trial_seconds = 30
    async with on_trial(100, challenger="8") as client:
        answer = (await client.post("/predict", json={"text": "bad flight"})).json()
    assert answer["model"]["version"] == "7"
    (event,) = await noted(redis_url, 1)
    assert event.failure == "did not answer within 1 s after the champion"


@pytest.mark.parametrize("data", ['["0.9"]', "[7.5]", "[]"])
async def test_a_challenger_that_answers_rubbish_has_failed_and_its_client_hears_the_champion(
    on_trial: Open, seats: tuple[Seat, Seat], redis_url: str, data: str
) -> None:
    outputs = f'[{{"name":"probability_negative","datatype":"FP32","shape":[1],"data":{data}}}]'
    rubbish = f'{{"model_name":"logreg","model_version":"8","outputs":{outputs}}}'
    seats[0].take(Told(answers={"challenger": Response(rubbish)}, on_trial={"challenger": "8"}).app())
    async with on_trial(100, challenger="8") as client:
        reply = await client.post("/predict", json={"text": "bad flight"})
    assert (reply.status_code, reply.json()["model"]["version"]) == (200, "7")
    (event,) = await noted(redis_url, 1)
    assert (event.version, event.answered) == ("8", False)
    assert event.failure


async def test_who_waits_while_the_gateway_stops_is_answered_and_noted_and_no_shadow_has_failed(
    on_trial: Open, seats: tuple[Seat, Seat], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.shadow.PATIENCE_SECONDS", 600)
    told = Told(answers={"shadow": None}, on_trial={"challenger": "8", "shadow": "9"})
    seats[0].take(told.app())
    counted = {"model": "logreg", "alias": "shadow", "result": "dropped"}

    def dropped() -> float:
        return REGISTRY.get_sample_value("vigie_trial_tweets_total", counted) or 0.0

    before = dropped()
    async with AsyncExitStack() as running:
        client = await running.enter_async_context(on_trial(100, challenger="8", shadow="9"))
        assert (await client.post("/predict/batch", json={"texts": TEXTS})).status_code == 200
        told.held = True
        late = asyncio.create_task(client.post("/predict", json={"text": "late"}))
        await until(lambda: ["late"] in told.calls, what="a call to the champion")
        stopping = asyncio.create_task(running.aclose())
        await until(lambda: dropped() == before + len(TEXTS), what="the end of the shadow's lane")
        assert not late.done()
        told.held = False
        answer = (await late).json()
        await stopping
    assert answer["model"]["version"] == "8"
    assert dropped() == before + len(TEXTS) + 1
    events = await noted(redis_url, len(TEXTS) + 1)
    assert {(event.alias, event.failure) for event in events} == {("challenger", None)}
    in_log = {event.prediction_id for event in await logged(redis_url, len(TEXTS) + 1)}
    assert in_log == {event.prediction_id for event in events}
    assert answer["prediction_id"] in in_log


async def test_one_that_was_stopped_is_not_asked_and_models_say_why(
    on_trial: Open, predictor: FakePredictor, backend: FakeBackend
) -> None:
    backend.trials = TrialList(items=[], stopped=[STOP])
    async with on_trial(100, challenger="8") as client:
        answer = (await client.post("/predict", json={"text": "bad flight"})).json()
        (model,) = (await client.get("/models")).json()["models"]
        predictor.on_trial = {"challenger": "10"}

        async def another() -> bool:
            reply = await client.post("/predict", json={"text": "bad flight"})
            return bool(reply.json()["model"]["version"] == "10")

        await eventually(another)
    assert answer["model"]["version"] == "7"
    assert model["trials"][0]["stopped"]["detail"] == "worse"


async def test_no_challenger_is_asked_before_it_is_known_which_were_stopped(
    settings: GatewaySettings, predictor: FakePredictor
) -> None:
    predictor.on_trial = {"challenger": "8"}
    async with gateway(settings.model_copy(update={"canary_percent": 100})) as client:

        async def known() -> bool:
            return bool((await client.get("/models")).json()["models"][0]["trials"])

        await eventually(known)
        assert (await client.post("/predict", json={"text": "bad flight"})).json()["model"]["version"] == "7"


async def test_models_tell_how_a_trial_compares_while_it_lasts(
    on_trial: Open, predictor: FakePredictor, backend: FakeBackend
) -> None:
    report = TrialReport(
        model="logreg",
        alias="challenger",
        trial=Record(version="8", answered=10, voted=4, errors=3, right=1),
        champion=Record(version="7", answered=90, voted=9, errors=1, right=3),
        compared=10,
        agreed=6,
        judged=4,
    )
    backend.trials = TrialList(items=[report], stopped=[])
    async with on_trial(10, challenger="8") as client:

        async def told() -> bool:
            (model,) = (await client.get("/models")).json()["models"]
            return bool(model["trials"] == [report.model_dump(mode="json")])

        await eventually(told)
        predictor.on_trial, predictor.version = {"challenger": "8"}, "8"  # promoted

        async def over() -> bool:
            return bool((await client.get("/models")).json()["models"][0]["trials"] == [])

        await eventually(over)


async def test_models_tell_of_a_version_that_must_not_be_tried_and_why(
    on_trial: Open, predictor: FakePredictor
) -> None:
    predictor.kept_out = {"challenger": Rejection(version="11", reason="golden row 'late'")}
    async with on_trial(10, challenger="11") as client:
        predictor.on_trial = {"challenger": "8"}

        async def told() -> bool:
            (trial,) = (await client.get("/models")).json()["models"][0]["trials"]
            return bool((trial["trial"]["version"], trial["kept_out"]) == ("8", "version 11: golden row 'late'"))

        await eventually(told)


async def test_a_version_by_an_alias_that_no_trial_has_is_passed_over(on_trial: Open, predictor: FakePredictor) -> None:
    async with on_trial(10, shadow="9") as client:
        predictor.on_trial = {"candidate": "3", "shadow": "10"}
        predictor.kept_out = {"candidate": Rejection(version="4", reason="golden row 'late'")}

        async def looked() -> bool:
            reply = await client.get("/models")
            return reply.is_error or '"10"' in reply.text

        await eventually(looked)
        models, ready = await client.get("/models"), await client.get("/readyz")
    assert (models.status_code, ready.status_code) == (200, 200)
    assert [trial["alias"] for trial in models.json()["models"][0]["trials"]] == ["shadow"]


async def test_a_call_by_the_open_inference_protocol_is_answered_by_the_champion_alone(on_trial: Open) -> None:
    async with on_trial(50, challenger="8") as client:
        message = InferenceRequest.of(TEXTS).model_dump(exclude_none=True)
        answer = (await client.post("/v2/models/logreg/infer", json=message)).json()
    assert answer["model_version"] == "7"
    assert answer["outputs"][1]["data"] == [0 if "bad" in text else 1 for text in TEXTS]
