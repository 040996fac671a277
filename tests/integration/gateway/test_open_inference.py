"""The Open Inference Protocol at the gateway: its answers are logged and ready for feedback like any other."""

from hashlib import sha256
from typing import Any

import httpx
import pytest

from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import RECEIPTS, gateway, logged
from tests.support.peers import FakePredictor
from tests.support.servers import free_port
from vigie.inference import InferenceRequest, ModelMetadata
from vigie.protocol import JSON_SIZE

INFER = "/v2/models/logreg/infer"


def message(*texts: str, **changes: Any) -> dict[str, Any]:
    """A request for these texts."""
    return InferenceRequest.of(list(texts)).model_dump(exclude_none=True) | changes


async def test_texts_are_answered_with_probabilities_labels_and_receipts(client: httpx.AsyncClient) -> None:
    answer = (await client.post(INFER, json=message("bad flight", "good crew", id="7"))).json()
    receipts = answer["outputs"].pop()
    assert answer == {
        "model_name": "logreg",
        "model_version": "7",
        "id": "7",
        "outputs": [
            {"name": "probability_negative", "shape": [2], "datatype": "FP32", "data": [0.9, 0.1]},
            {"name": "label", "shape": [2], "datatype": "INT64", "data": [0, 1]},
        ],
    }
    assert (receipts["name"], receipts["datatype"], receipts["shape"]) == ("prediction_id", "BYTES", [2])
    assert RECEIPTS.read(receipts["data"][0]).text_digest == RECEIPTS.digest("bad flight")


async def test_outputs_are_chosen_and_words_told_when_they_are_asked_for(client: httpx.AsyncClient) -> None:
    chosen = (await client.post(INFER, json=message("bad flight", outputs=[{"name": "prediction_id"}]))).json()
    assert [output["name"] for output in chosen["outputs"]] == ["prediction_id"]
    explained = (await client.post(INFER, json=message("bad flight", parameters={"explain": True}))).json()
    assert explained["outputs"][-1]["data"] == ['[{"word":"bad","weight":-1.5}]']


async def test_another_familys_answer_says_so(settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", settings.predictor_url.rpartition(":")[2])
    monkeypatch.setenv("PREDICTOR_FOREST_PORT", str(free_port()))
    unchanged = settings.model_dump(include={"redis_url", "feedback_url", "alerting_url"})
    told = unchanged | {"models": "logreg,forest", "predict_timeout_seconds": 20}
    async with gateway(GatewaySettings.read(**told)) as client:
        answer = (await client.post("/v2/models/forest/infer", json=message("bad flight"))).json()
    assert answer["model_name"] == "logreg"
    assert answer["parameters"] == {"degraded": True, "requested_model": "forest"}


async def test_server_and_models_describe_themselves(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    assert (await client.get("/v2")).json()["extensions"] == ["binary_tensor_data"]
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}
    assert (await client.get("/v2/models")).json() == {"models": ["logreg"]}
    metadata = ModelMetadata.model_validate((await client.get("/v2/models/logreg")).json())
    assert metadata.versions == ["7"]
    assert metadata.outputs[-1].name == "prediction_id"
    assert (await client.get("/v2/models/logreg/ready")).json() == {"name": "logreg", "ready": True}
    predictor.refuse_with = 503
    for path in ("/v2/health/ready", "/v2/models/logreg/ready", "/v2/models/logreg"):
        assert (await client.get(path)).status_code == 503


@pytest.mark.parametrize(
    ("path", "body", "status", "complaint"),
    [
        ("/v2/models/other/infer", message("a"), 404, "model: expected one of logreg, got 'other'"),
        ("/v2/models/other", None, 404, "model: expected one of logreg, got 'other'"),
        (INFER, {"inputs": []}, 400, "inputs: expected one input"),
        (INFER, message("a", " "), 400, "inputs[0].data[1]: expected 1 to 2000 characters"),
        (INFER, message(*["a"] * 1001), 400, "inputs[0].data: expected at most 1000 texts, got 1001"),
        (INFER, message("x" * 1_100_000), 413, "expected a body of at most 1048576 bytes"),
        (INFER, None, 405, "Method Not Allowed"),
        ("/v2/nowhere", None, 404, "Not Found"),
        ("/v2/models/logreg/versions/6", None, 404, "expected a version that serves, 7, got '6'"),
        ("/v2/models/logreg/versions/6/ready", None, 404, "expected a version that serves, 7, got '6'"),
        ("/v2/models/logreg/versions/6/infer", message("a"), 404, "expected a version that serves, 7, got '6'"),
        ("/v2/models/other/versions/7/infer", message("a"), 404, "model: expected one of logreg, got 'other'"),
        (INFER, message("a", outputs=[{"name": "x"}]), 400, "outputs: expected names from"),
    ],
)
async def test_mistakes_are_told_in_the_protocols_shape(
    client: httpx.AsyncClient, path: str, body: Any, status: int, complaint: str
) -> None:
    reply = await (client.get(path) if body is None else client.post(path, json=body))
    assert reply.status_code == status
    assert complaint in reply.json()["error"]


async def test_the_version_that_serves_can_be_named(client: httpx.AsyncClient) -> None:
    model, version = "/v2/models/logreg", "/v2/models/logreg/versions/7"
    assert (await client.get(version)).json() == (await client.get(model)).json()
    assert (await client.get(f"{version}/ready")).json() == {"name": "logreg", "ready": True}
    answer = (await client.post(f"{version}/infer", json=message("bad flight", parameters={"explain": True}))).json()
    assert (answer["model_name"], answer["model_version"]) == ("logreg", "7")
    assert [output["name"] for output in answer["outputs"]][2:] == ["prediction_id", "explanation"]
    assert RECEIPTS.read(answer["outputs"][2]["data"][0]).version == "7"


async def test_no_other_version_and_no_other_family_answers_for_one_that_was_named(
    settings: GatewaySettings, predictor: FakePredictor, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", settings.predictor_url.rpartition(":")[2])
    monkeypatch.setenv("PREDICTOR_FOREST_PORT", str(free_port()))
    unchanged = settings.model_dump(include={"redis_url", "feedback_url", "alerting_url"})
    told = unchanged | {"models": "logreg,forest", "predict_timeout_seconds": 20}
    async with gateway(GatewaySettings.read(**told)) as client:
        assert (await client.post("/v2/models/forest/versions/1/infer", json=message("a"))).status_code == 503
        assert (await client.get("/v2/models/forest/versions/1/ready")).status_code == 503
        predictor.version = "8"
        assert (await client.post("/v2/models/logreg/versions/7/infer", json=message("a"))).status_code == 404
        assert (await client.post("/predict", json={"text": "logged"})).status_code == 200
    assert [event.text for event in await logged(redis_url, 1)] == ["logged"]


async def test_explanations_are_an_output_that_can_be_chosen(client: httpx.AsyncClient) -> None:
    asked = message("bad flight", outputs=[{"name": "explanation"}], parameters={"explain": True})
    answer = (await client.post(INFER, json=asked)).json()
    assert [output["name"] for output in answer["outputs"]] == ["explanation"]
    asked = message("bad flight", outputs=[{"name": "label"}], parameters={"explain": True})
    answer = (await client.post(INFER, json=asked)).json()
    assert [output["name"] for output in answer["outputs"]] == ["label"]


async def test_the_documentation_tells_of_binary_tensors(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path in ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer"):
        operation = paths[path]["post"]
        assert set(operation["requestBody"]["content"]) == {"application/json", "application/octet-stream"}
        (header,) = [each for each in operation["parameters"] if each["in"] == "header"]
        assert header["name"].lower() == JSON_SIZE
        assert not header["required"]


async def test_it_asks_for_a_key_with_the_scope_of_predictions(settings: GatewaySettings) -> None:
    ring = ",".join(f"{name}:{sha256(name.encode()).hexdigest()}:{name}" for name in ("predict", "feedback"))
    async with gateway(settings.model_copy(update={"gateway_api_keys": ring})) as client:
        for key, status in (("predict", 200), ("feedback", 403), ("other", 401)):
            headers = {"X-API-Key": key}
            assert (await client.post(INFER, json=message("a"), headers=headers)).status_code == status
            assert (await client.get("/v2/models/logreg", headers=headers)).status_code == status
            exact = "/v2/models/logreg/versions/7"
            assert (await client.post(f"{exact}/infer", json=message("a"), headers=headers)).status_code == status
            assert (await client.get(exact, headers=headers)).status_code == status
        assert (await client.get("/v2/health/live")).status_code == 200


async def test_a_full_queue_is_told_with_the_time_to_wait(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    predictor.refuse_with = 429
    reply = await client.post(INFER, json=message("a"))
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")
    assert reply.json()["error"]
