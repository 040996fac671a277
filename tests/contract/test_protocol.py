"""What every predictor says, by the Open Inference Protocol."""

import json
from typing import Any

import pytest

from tests.contract.predictors import PredictorUnderTest
from vigie.inference import LABEL, PROBABILITY, InferenceRequest, InferenceResponse, ServerMetadata

TEXTS = ["late again @delta", "lovely crew, thanks!", "☂️ où est ma valise ???", "x" * 2000]


def body(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["late again"]} | changes
    return {"inputs": [tensor]}


def test_server_and_model_describe_themselves(steady: PredictorUnderTest) -> None:
    client, name = steady.client, steady.family.name
    assert ServerMetadata.model_validate_json(client.get("/v2").content).name == "vigie"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models").json() == {"models": [name]}
    metadata = steady.metadata()
    assert metadata
    (number,) = metadata.versions
    assert metadata.name == name
    assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in metadata.inputs] == [("text", "BYTES", [-1])]
    assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in metadata.outputs] == [
        (PROBABILITY, "FP32", [-1]),
        (LABEL, "INT64", [-1]),
    ]
    details = metadata.parameters
    assert (details.version, details.metrics) == (number, {"auc": 0.9})
    assert details.model_id
    assert details.model_id.startswith("m-")
    assert len(details.digest) == 64
    assert (details.rejected, details.stale_since) == (None, None)
    assert client.get(steady.url(f"/versions/{number}")).json() == client.get(steady.url()).json()
    for end in ("/ready", f"/versions/{number}/ready"):
        assert client.get(steady.url(end)).json() == {"name": name, "ready": True}
    metrics = client.get("/metrics").text
    assert f'vigie_model_info{{model="{name}",model_id="{details.model_id}",version="{number}"}} 1.0' in metrics


def test_n_texts_get_n_probabilities_and_labels_in_order(steady: PredictorUnderTest) -> None:
    together = steady.infer(TEXTS)
    probabilities = together.output(PROBABILITY)
    assert [(output.name, output.datatype, output.shape) for output in together.outputs] == [
        (PROBABILITY, "FP32", [4]),
        (LABEL, "INT64", [4]),
    ]
    assert together.output(LABEL) == [0 if value >= 0.5 else 1 for value in probabilities]
    alone = [steady.infer([text]).output(PROBABILITY)[0] for text in TEXTS]
    assert probabilities == pytest.approx(alone, abs=1e-5)
    assert probabilities[0] > probabilities[1]


def test_the_id_is_echoed_and_outputs_can_be_chosen(steady: PredictorUnderTest) -> None:
    message = body() | {"id": "abc", "outputs": [{"name": LABEL}]}
    metadata = steady.metadata()
    assert metadata
    path = steady.url(f"/versions/{metadata.versions[0]}/infer")
    answer = steady.client.post(path, json=message).json()
    assert (answer["id"], answer["model_name"]) == ("abc", steady.family.name)
    assert answer["model_version"] == metadata.versions[0]
    assert [output["name"] for output in answer["outputs"]] == [LABEL]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"inputs": []},
        {"inputs": "text"},
        body() | {"outputs": [{"name": "other"}]},
        body(name="texts"),
        body(datatype="FP32"),
        body(shape=[2]),
        body(shape=[0], data=[]),
        body(data=[1]),
        body(data=[None]),
        body(data=[""]),
        body(data=["x" * 2001]),
    ],
    ids=lambda message: json.dumps(message)[:60],
)
def test_a_clients_mistake_is_a_400_that_says_what(steady: PredictorUnderTest, message: dict[str, Any]) -> None:
    answer = steady.client.post(steady.url("/infer"), json=message)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert "expected" in answer.json()["error"] or "should be" in answer.json()["error"]


def test_every_error_has_the_protocols_shape(steady: PredictorUnderTest) -> None:
    client, infer = steady.client, steady.url("/infer")
    answers = {
        client.post(infer, content=b"{"): 400,
        client.post(infer, content=b"\xff\xfe"): 400,
        client.post("/v2/models/other/infer", json=body()): 404,
        client.get("/v2/models/other"): 404,
        client.get("/v2/models/other/ready"): 404,
        client.post(steady.url("/versions/0/infer"), json=body()): 404,
        client.get(steady.url("/versions/0")): 404,
        client.get(steady.url("/versions/0/ready")): 404,
        client.get("/v3"): 404,
        client.get(infer): 405,
        client.post(infer, content=b" " * (16 * 1024 * 1024 + 1)): 413,
        steady.post(["late"], **{"X-Deadline-Ms": "0"}): 504,
    }
    for answer, status in answers.items():
        assert answer.status_code == status, answer.text
        assert list(answer.json()) == ["error"]
        assert isinstance(answer.json()["error"], str)
        assert answer.headers["X-Request-ID"]


def test_what_drove_the_answer_is_said_when_it_is_asked_for_and_changes_no_number(steady: PredictorUnderTest) -> None:
    plain = steady.infer(TEXTS)
    message = InferenceRequest.of(TEXTS, explain=True).model_dump_json()
    answer = InferenceResponse.model_validate_json(steady.client.post(steady.url("/infer"), content=message).content)
    assert answer.output(PROBABILITY) == pytest.approx(plain.output(PROBABILITY), abs=1e-5)
    assert plain.explanations() is None
    explained = answer.explanations()
    assert (explained is None) == (steady.family.name in ("lstm", "distilbert"))
    if explained is not None:
        assert len(explained) == len(TEXTS)
        for words in explained:
            assert words is not None
            weights = [abs(each.weight) for each in words]
            assert weights == sorted(weights, reverse=True)
            assert len({each.word for each in words}) == len(words) <= 10


@pytest.mark.parametrize("value", [1, "yes", None])
def test_an_explanation_is_asked_for_with_true_or_not_at_all(steady: PredictorUnderTest, value: object) -> None:
    reply = steady.client.post(steady.url("/infer"), json=body() | {"parameters": {"explain": value}})
    assert reply.status_code == 400
    assert "parameters.explain: expected true or false" in reply.json()["error"]
