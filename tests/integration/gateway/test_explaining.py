"""Which words weighed most: asked for beside a prediction, and nothing else changes."""

import httpx
import pytest

from gateway.breaker import FAILURES_IN_A_ROW
from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import RECEIPTS, gateway
from tests.support.peers import FakePredictor


async def test_an_explained_prediction_is_the_same_with_the_words_that_weighed_most(client: httpx.AsyncClient) -> None:
    plain = (await client.post("/predict", json={"text": "bad flight"})).json()
    reply = await client.post("/predict", json={"text": "bad flight", "explain": True})
    explained = reply.json()
    assert explained.pop("explanation") == [{"word": "bad", "weight": -1.5}]
    assert {**explained, "prediction_id": ""} == {**plain, "prediction_id": ""}
    assert RECEIPTS.read(explained["prediction_id"]).text_digest == RECEIPTS.digest("bad flight")


async def test_a_batch_is_explained_text_by_text(client: httpx.AsyncClient) -> None:
    body = {"texts": ["bad one", "good two"], "explain": True}
    rows = (await client.post("/predict/batch", json=body)).json()["predictions"]
    assert [row["explanation"][0]["word"] for row in rows] == ["bad", "good"]


async def test_a_family_that_cannot_explain_answers_null(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    predictor.explains = False
    reply = await client.post("/predict", json={"text": "bad flight", "explain": True})
    assert (reply.status_code, reply.json()["explanation"]) == (200, None)


async def test_explanations_that_come_too_late_take_nobody_the_family_away(
    settings: GatewaySettings, predictor: FakePredictor
) -> None:
    predictor.held = True
    async with gateway(settings.model_copy(update={"predict_timeout_seconds": 3})) as client:
        for _ in range(FAILURES_IN_A_ROW + 1):
            late = await client.post("/predict", json={"text": "bad flight", "explain": True})
            assert late.status_code == 504
        predictor.held = False
        reply = await client.post("/predict", json={"text": "bad flight"})
        assert (reply.status_code, reply.json()["degraded"]) == (200, False)


async def test_explanations_of_other_texts_are_rubbish(client: httpx.AsyncClient, predictor: FakePredictor) -> None:
    said = '{"name":"probability_negative","datatype":"FP32","shape":[1],"data":[0.9]}'
    words = '{"name":"explanation","datatype":"BYTES","shape":[0],"data":[]}'
    predictor.garbage = f'{{"model_name":"logreg","model_version":"7","outputs":[{said},{words}]}}'.encode()
    assert (await client.post("/predict", json={"text": "bad flight", "explain": True})).status_code == 503


@pytest.mark.parametrize("value", [1, "true", None])
async def test_explain_is_true_or_false(client: httpx.AsyncClient, value: object) -> None:
    reply = await client.post("/predict", json={"text": "bad flight", "explain": value})
    assert reply.status_code == 400
    assert "explain" in reply.json()["error"]["message"]


async def test_the_documentation_tells_of_explanations(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["components"]["schemas"]["PredictRequest"]["properties"]["explain"]["type"] == "boolean"
    assert "ExplainedPrediction" in str(document["paths"]["/predict"]["post"]["responses"]["200"])
