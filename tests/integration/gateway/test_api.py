"""The gateway over real sockets: a predictor and backends that do as they are told, and a real Redis."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
import redis

from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import RECEIPTS, gateway, logged, taken
from tests.support.eventually import eventually
from tests.support.peers import FakeBackend, FakePredictor
from tests.support.servers import free_port
from vigie.model_status import Rejection
from vigie.streams import PREDICTIONS


async def test_a_prediction_has_the_promised_shape_and_a_receipt(client: httpx.AsyncClient) -> None:
    reply = await client.post("/predict", json={"text": "  a bad flight "})
    body = reply.json()
    receipt = RECEIPTS.read(body.pop("prediction_id"))
    assert body == {
        "sentiment": "negative",
        "prediction_label": 0,
        "confidence": 0.9,
        "probabilities": {"negative": 0.9, "positive": 0.1},
        "model": {"name": "logreg", "version": "7"},
        "requested_model": None,
        "degraded": False,
    }
    assert (receipt.model, receipt.version, receipt.label) == ("logreg", "7", 0)
    assert receipt.text_digest == RECEIPTS.digest("a bad flight")


async def test_concurrent_tweets_share_calls_and_get_their_own_answers(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    predictor.held = True
    texts = [f"{'bad' if number % 2 else 'good'} {number}" for number in range(200)]
    asked = [asyncio.create_task(client.post("/predict", json={"text": text})) for text in texts]

    async def all_wait() -> bool:
        return await taken(client, predictor) == len(texts)

    await eventually(all_wait)
    predictor.held = False
    replies = await asyncio.gather(*asked)
    assert [reply.json()["prediction_label"] for reply in replies] == [0 if "bad" in text else 1 for text in texts]
    assert len(predictor.calls) < 10


async def test_a_tweet_that_is_passed_on_is_computed_once_and_each_copy_is_a_prediction_of_its_own(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    posts = [client.post("/predict", json={"text": f"RT @ann{number}: bad delay"}) for number in range(40)]
    replies = [reply.json() for reply in await asyncio.gather(*posts)]
    assert sum(map(len, predictor.calls)) == 1
    assert len({reply["prediction_id"] for reply in replies}) == 40
    predictor.version = "8"
    assert (await client.post("/predict", json={"text": "something else"})).json()["model"]["version"] == "8"
    again = (await client.post("/predict", json={"text": "RT @bob: bad delay"})).json()
    assert again["model"]["version"] == "8", "an answer of another version is forgotten"


async def test_a_tweet_that_is_being_answered_is_not_computed_again_by_a_second_call(
    client: httpx.AsyncClient, predictor: FakePredictor
) -> None:
    async def two_calls() -> bool:
        return len(predictor.calls) == 2

    async def one_call() -> bool:
        return len(predictor.calls) == 1

    predictor.held = True
    asked = [asyncio.create_task(client.post("/predict", json={"text": "bad delay"}))]
    await eventually(one_call)
    for text in (*(f"RT @ann{number}: bad delay" for number in range(10)), "bad delay"):
        asked.append(asyncio.create_task(client.post("/predict", json={"text": text})))
    await eventually(two_calls)
    predictor.held = False
    replies = await asyncio.gather(*asked)
    assert [reply.json()["prediction_label"] for reply in replies] == [0] * 12
    assert sorted(text for call in predictor.calls for text in call) == ["RT @ann0: bad delay", "bad delay"]
    metrics = (await client.get("/metrics")).text
    assert 'vigie_single_tweets_total{model="logreg",result="joined"}' in metrics


async def test_every_prediction_is_logged(client: httpx.AsyncClient, redis_url: str) -> None:
    reply = await client.post("/predict", json={"text": "été 😀"}, headers={"X-Request-ID": "r-1"})
    await client.post("/predict/batch", json={"texts": ["a", "b"]})
    events = await logged(redis_url, 3)
    assert [event.text for event in events] == ["été 😀", "a", "b"]
    assert events[0].prediction_id == reply.json()["prediction_id"]
    assert events[0].request_id == "r-1"


async def test_the_card_of_a_family_is_its_predictors(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    card = (await client.get("/models/logreg/card")).json()
    assert (card["name"], card["version"], card["metrics"]) == ("logreg", predictor.version, {"accuracy": 0.8})
    unknown = await client.get("/models/oracle/card")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_model")
    predictor.refuse_with = 503
    assert (await client.get("/models/logreg/card")).status_code == 503


async def test_topic_and_time_are_logged_and_the_author_only_as_a_digest(
    client: httpx.AsyncClient, redis_url: str
) -> None:
    told = {"topic": " Luggage ", "author": "@Ann", "created_at": "2026-11-23T12:00:00+01:00"}
    assert (await client.post("/predict", json={"text": "x"} | told)).status_code == 200
    columns = {"topic": ["a", None], "author": ["ann", "bob"], "created_at": "2026-11-23T11:00:00"}
    assert (await client.post("/predict/batch", json={"texts": ["y", "z"]} | columns)).status_code == 200
    one, two, three = await logged(redis_url, 3)
    assert [each.topic for each in (one, two, three)] == ["Luggage", "a", None]
    assert {each.tweeted_ms for each in (one, two, three)} == {1_795_431_600_000}
    assert one.author == two.author != three.author
    with redis.Redis.from_url(redis_url, protocol=2) as stream:
        assert b'nn"' not in str(stream.xrange(PREDICTIONS.name)).lower().encode()


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "message"),
    [
        ("/predict", {"text": "a", "topic": "x" * 65}, 400, "invalid_request", "topic: String should have at most 64"),
        (
            "/predict/batch",
            {"texts": ["a", "b"], "topic": ["x"]},
            400,
            "invalid_request",
            "topic: expected one value or 2 (one for each text), got 1",
        ),
        ("/predict", {"text": "x" * 4123}, 400, "text_too_long", "expected at most 2000 characters, got 4123"),
        ("/predict", {"text": " \n "}, 400, "text_empty", "after trimming, got none"),
        ("/predict", {"text": "a\0b"}, 400, "text_has_nul", "without NUL"),
        ("/predict", {"text": "a", "topic": "a\0b"}, 400, "invalid_request", "topic: expected a text without NUL"),
        (
            "/predict",
            {"text": "a", "created_at": "9999-12-31T23:59:59-12:00"},
            400,
            "invalid_request",
            "created_at: expected a time from year 1 to 9999 in UTC",
        ),
        ("/predict", {"text": "a", "model": "oracle"}, 404, "unknown_model", "expected one of logreg, got 'oracle'"),
        ("/predict", {}, 400, "invalid_request", "text: expected a value, got none"),
        ("/predict/batch", {"texts": []}, 400, "invalid_request", "texts: List should have at least 1 item"),
        ("/predict/batch", {"texts": ["a"] * 1001}, 400, "invalid_request", "at most 1000 items"),
        ("/predict/batch", {"texts": ["a", ""]}, 400, "text_empty", "texts[1]: expected 1 to 2000"),
        ("/predict/batch", {"texts": ["a", None]}, 400, "invalid_request", "texts[1]: Input should be a valid string"),
        ("/feedback", {"verdict": "wrong"}, 400, "invalid_request", "prediction_id: expected a value"),
        ("/feedback", {"prediction_id": "x", "verdict": "maybe"}, 400, "invalid_request", "verdict: Input should be"),
    ],
)
async def test_a_clients_mistake_is_told(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, code: str, message: str
) -> None:
    reply = await client.post(path, json=body)
    assert reply.status_code == status
    assert reply.json()["error"]["code"] == code
    assert message in reply.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/feedback", "/alerts/silences"])
async def test_other_media_types_are_415_and_large_bodies_413(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path, content=b"text=a", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(path, json={"text": "x" * 1_100_000})).status_code == 413


@pytest.mark.parametrize("path", ["/predict", "/v2/models/logreg/infer"])
async def test_compressed_bodies_and_other_charsets_are_415(client: httpx.AsyncClient, path: str) -> None:
    for headers in ({"Content-Encoding": "gzip"}, {"Content-Type": "application/json; charset=utf-16"}):
        reply = await client.post(path, content=b"{}", headers=headers)
        assert reply.status_code == 415


async def test_an_unknown_model_is_shown_up_to_a_length(client: httpx.AsyncClient) -> None:
    for path, body in (("/predict", {"text": "a"}), ("/predict/batch", {"texts": ["a"]})):
        reply = await client.post(path, json=body | {"model": "é" * 500_000})
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_model")
        assert len(reply.content) < 1000


async def test_2000_characters_of_any_unicode_are_fine(client: httpx.AsyncClient) -> None:
    for text in ("x" * 2000, "😀" * 2000, "\u202e\u0301 \x07 \ufffd"):
        assert (await client.post("/predict", json={"text": text})).status_code == 200


async def test_predictions_are_answered_without_redis_and_readiness_says_what_is_missing(
    settings: GatewaySettings,
) -> None:
    async with gateway(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})) as client:
        assert (await client.post("/predict", json={"text": "a"})).status_code == 200
        ready = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text
    assert ready.status_code == 200
    assert "cannot be reached" in ready.json()["dependencies"]["redis"]
    assert "vigie_prediction_log_waiting 1.0" in metrics


async def test_readiness_follows_the_default_model(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["dependencies"].values()) == {"ok"}
    predictor.refuse_with = 503
    waiting = await client.get("/readyz")
    assert waiting.status_code == 503
    assert waiting.json()["dependencies"]["model:logreg"] == (
        'not ready: predictor-logreg answered 503: {"error":"not ready"}'
    )


async def test_a_version_that_is_stale_or_kept_out_is_told(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    predictor.stale_since = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    predictor.rejected = Rejection(version="8", reason="golden row 'late': expected 0.9, got 0.1")
    (model,) = (await client.get("/models")).json()["models"]
    assert model["stale_since"] == "2026-01-02T03:04:00Z"
    assert model["rejected"] == {"version": "8", "reason": "golden row 'late': expected 0.9, got 0.1"}
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    state = ready.json()["dependencies"]["model:logreg"]
    assert state.startswith("ok, but stale since 2026-01-02T03:04:00Z, version 8 was rejected: golden row")


async def test_models_are_described_by_their_predictors(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    body = (await client.get("/models")).json()
    assert body["default"] == "logreg"
    assert body["models"][0] == {
        "name": "logreg",
        "title": "TF-IDF + logistic regression",
        "ready": True,
        "problem": None,
        "version": "7",
        "loaded_at": "2026-01-01T00:00:00Z",
        "metrics": {"accuracy": 0.8},
        "stale_since": None,
        "rejected": None,
        "trials": [],
    }
    predictor.refuse_with = 503
    assert (await client.get("/models")).json()["models"][0]["ready"] is False


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/feedback?verdict=incorrect&limit=5"),
        ("GET", "/feedback/export.csv?raw=true"),
        ("GET", "/predictions?model=logreg&since=2026-01-01T00:00:00Z"),
        ("GET", "/predictions?until=2026-01-01T00%3A00%3A00%2B01%3A00&cursor=a%20b"),
        ("GET", "/alerts?limit=3"),
        ("POST", "/alerts/test"),
        ("GET", "/alerts/silences"),
        ("DELETE", "/alerts/silences/abc"),
        ("POST", "/alerts/abc/false-alarm"),
        ("GET", "/alerts/act/e30.abc-_"),
        ("POST", "/alerts/act/e30.abc-_"),
    ],
)
async def test_what_has_state_is_passed_on_as_it_came(client: httpx.AsyncClient, method: str, path: str) -> None:
    reply = await client.request(method, path, headers={"X-Request-ID": "r-2"})
    asked = reply.json()
    assert (asked["method"], asked["request_id"]) == (method, "r-2")
    assert f"{asked['path']}?{asked['query']}".rstrip("?") == path


async def test_who_opens_a_link_of_a_mail_in_a_browser_is_passed_on_as_one(client: httpx.AsyncClient) -> None:
    reply = await client.get("/alerts/act/e30.abc-_", headers={"Accept": "text/html, */*;q=0.8"})
    assert reply.json()["accept"] == "text/html, */*;q=0.8"


@pytest.mark.parametrize(
    "path", ["/feedback?limit=0", "/feedback?limit=501", "/predictions?since=yesterday", "/feedback?verdict=x"]
)
async def test_a_bad_query_is_a_400(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_request"


async def test_a_backend_that_hangs_is_504_and_one_that_is_gone_503(
    settings: GatewaySettings, backend: FakeBackend
) -> None:
    backend.seconds = 30
    async with gateway(settings.model_copy(update={"backend_timeout_seconds": 0.1})) as client:
        assert (await client.get("/feedback")).status_code == 504
    async with gateway(settings.model_copy(update={"feedback_url": f"http://127.0.0.1:{free_port()}"})) as client:
        reply = await client.get("/feedback")
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")
        assert "cannot be reached" in (await client.get("/readyz")).json()["dependencies"]["feedback"]


async def test_each_route_asks_for_its_scope(settings: GatewaySettings) -> None:
    keys = ",".join(
        f"{scope}:{sha256(scope.encode()).hexdigest()}:{scope}" for scope in ("predict", "feedback", "admin")
    )
    wanted = {
        ("POST", "/predict"): "predict",
        ("POST", "/predict/batch"): "predict",
        ("GET", "/models"): "predict",
        ("POST", "/feedback"): "feedback",
        ("GET", "/feedback"): "feedback",
        ("GET", "/feedback/export.csv"): "feedback",
        ("GET", "/predictions"): "feedback",
        ("GET", "/alerts"): "admin",
        ("POST", "/alerts/test"): "admin",
    }
    async with gateway(settings.model_copy(update={"gateway_api_keys": keys})) as client:
        for (method, path), scope in wanted.items():
            statuses = {
                key: (await client.request(method, path, headers={"X-API-Key": key} if key else {})).status_code
                for key in ("", "unknown", "predict", "feedback", "admin")
            }
            assert (statuses[""], statuses["unknown"]) == (401, 401), path
            assert {key for key, status in statuses.items() if status == 403} == {"predict", "feedback", "admin"} - {
                scope
            }
        for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 200


async def test_direct_routes_are_the_documented_ones(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path, schema in (
        ("/predict", "PredictRequest"),
        ("/predict/batch", "BatchRequest"),
        ("/feedback", "FeedbackRequest"),
    ):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{schema}"}
        assert "422" not in paths[path]["post"]["responses"]


async def test_links_in_mails_are_documented_with_what_happens_when_alerting_is_away(client: httpx.AsyncClient) -> None:
    operations = (await client.get("/openapi.json")).json()["paths"]["/alerts/act/{token}"]
    for method in ("get", "post"):
        responses = operations[method]["responses"]
        assert set(responses) == {"200", "404", "503", "504"}
        assert set(responses["404"]["content"]) == {"application/json", "text/html"}
        assert set(responses["503"]["content"]) == {"application/json"}


async def test_a_vote_is_taken_back_at_the_feedback_service(client: httpx.AsyncClient) -> None:
    asked = (await client.delete("/feedback/abc")).json()
    assert (asked["method"], asked["path"]) == ("DELETE", "/feedback/abc")
