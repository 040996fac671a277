"""The gateway fuzzed from its own OpenAPI document: never a 5xx of its own making, and every error in the one shape."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.support.peers import FakeBackend, FakePredictor, Peer
from tests.support.servers import RedisServer
from vigie.inference import ServerError
from vigie.schemas import ErrorBody

EXAMPLES = 40


@pytest.fixture(scope="module")
def gateway_url(redis_server: RedisServer) -> Iterator[str]:
    """A gateway on a real socket, in front of a predictor and a backend that always answer."""
    with Peer(FakePredictor().app()) as model, Peer(FakeBackend().app()) as behind:
        told = GatewaySettings.read(
            models="logreg",
            redis_url=redis_server.url,
            predictor_url=model.url,
            feedback_url=behind.url,
            alerting_url=behind.url,
            predict_timeout_seconds=60,
        )
        with Peer(create_app(told), lifespan="on") as gateway:
            yield gateway.url


@pytest.fixture(scope="module")
def gateway_schema(gateway_url: str) -> OpenApiSchema:
    """The document that the gateway serves."""
    return schemathesis.openapi.from_url(f"{gateway_url}/openapi.json")


@pytest.mark.parametrize(("mode", "least"), [(GenerationMode.POSITIVE, 12), (GenerationMode.NEGATIVE, 7)])
def test_no_request_breaks_the_gateway(gateway_schema: OpenApiSchema, mode: GenerationMode, least: int) -> None:
    checked = 0
    for found in gateway_schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue

        @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Case[Any]) -> None:
            response = case.call()
            assert response.status_code < 500, response.text
            assert response.status_code != 422
            if response.status_code >= 400 and case.path.startswith("/v2"):
                ServerError.model_validate_json(response.content)
            elif response.status_code >= 400:
                error = ErrorBody.model_validate_json(response.content).error
                assert response.headers["x-request-id"] == [error.request_id]

        holds()
        checked += 1
    assert checked >= least
