"""The shell of every service: request ids, the single error shape, limits, probes."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from fastapi.responses import StreamingResponse

from tests.support.services import nothing
from vigie.errors import NotFound, QueueFull
from vigie.json_bodies import FIELDS_LIMIT, JsonRoute
from vigie.schemas import PredictRequest, Readiness
from vigie.web import REQUESTS, service_app


def an_app(*, ready: bool = True) -> FastAPI:
    async def readiness() -> Readiness:
        return Readiness(ready=ready, dependencies={"redis": "ok" if ready else "cannot be reached"})

    app = service_app("test", lifespan=nothing, readiness=readiness, body_limit=200_000)

    router = APIRouter(route_class=JsonRoute)

    @router.post("/texts")
    async def texts(body: PredictRequest) -> str:
        return body.text

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("a secret detail")

    @app.get("/v2/models/{name}/infer")
    async def infer(name: str) -> None:
        raise NotFound(f"no model {name}")

    @app.get("/busy")
    async def busy(wait: Annotated[float, Query(ge=0)] = 1.2) -> None:
        raise QueueFull("the queue holds 10 requests already", retry_after=wait)

    @app.get("/named/{name}")
    async def named(name: str) -> str:
        return name

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x"

        return StreamingResponse(parts())

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as found:
        yield found


async def test_a_request_id_is_taken_and_returned(client: httpx.AsyncClient) -> None:
    reply = await client.get("/healthz", headers={"X-Request-ID": "abc-123"})
    assert reply.headers["x-request-id"] == "abc-123"


@pytest.mark.parametrize("given", ["", "x" * 129, "with space", "é", "<script>"])
async def test_an_unusable_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    reply = await client.get("/healthz", headers={b"X-Request-ID": given.encode()})
    assert len(reply.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/fails", 500, "internal_error"),
        ("GET", "/busy", 429, "queue_full"),
        ("GET", "/busy?wait=x", 400, "invalid_request"),
    ],
)
async def test_every_error_has_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    reply = await client.request(method, path, headers={"X-Request-ID": "r1"})
    assert reply.status_code == status
    assert reply.json()["error"]["code"] == code
    assert reply.json()["error"]["request_id"] == "r1"
    assert "secret" not in reply.text


async def test_below_v2_every_error_has_the_shape_of_the_open_inference_protocol(client: httpx.AsyncClient) -> None:
    infer = "/v2/models/m/infer"
    for method, path, size, status in (
        ("GET", infer, 0, 404),
        ("DELETE", infer, 0, 405),
        ("POST", infer, 200_001, 413),
        ("GET", "/v2/nowhere", 0, 404),
        ("GET", "/v2", 0, 404),
        ("GET", "/v2/a%00b", 0, 404),
    ):
        reply = await client.request(method, path, content=b"x" * size)
        assert reply.status_code == status
        assert list(reply.json()) == ["error"]
        assert isinstance(reply.json()["error"], str)
    assert (await client.get("/v2nowhere")).json()["error"]["code"] == "not_found"


async def test_a_wrong_method_is_told_which_are_allowed(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/healthz")).headers["allow"] == "GET, HEAD"
    assert (await client.head("/texts")).headers["allow"] == "POST"
    assert sorted((await client.delete("/docs")).headers["allow"].split(", ")) == ["GET", "HEAD"]


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/metrics", 200), ("/busy", 429), ("/nowhere", 404)])
async def test_head_is_answered_as_get_is_without_the_body(client: httpx.AsyncClient, path: str, status: int) -> None:
    told = {"X-Request-ID": "r1"}
    got, head = await client.get(path, headers=told), await client.head(path, headers=told)
    assert (head.status_code, head.content) == (got.status_code, b"") == (status, b"")
    if path != "/metrics":  # they have changed
        assert head.headers == got.headers


async def test_head_is_counted_as_what_it_is_and_where_it_went(client: httpx.AsyncClient) -> None:
    count = REQUESTS.labels("HEAD", "/named/{name}", 200)
    before = count._value.get()
    for name in ("a", "b"):
        assert (await client.head(f"/named/{name}")).headers["content-length"] == "3"
    assert count._value.get() == before + 2


async def test_head_of_an_endless_answer_has_an_end(client: httpx.AsyncClient) -> None:
    assert (await client.head("/endless")).status_code == 200


async def test_head_is_not_in_the_documentation(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {method for operations in paths.values() for method in operations} == {"get", "post"}


async def test_nothing_has_a_name_with_nul(client: httpx.AsyncClient) -> None:
    reply = await client.get("/a%00b")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


async def test_retry_after_is_in_whole_seconds_rounded_up(client: httpx.AsyncClient) -> None:
    assert (await client.get("/busy?wait=1.2")).headers["retry-after"] == "2"
    assert (await client.get("/busy?wait=0")).headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ('{"text": ""}', "text_empty", "expected 1 to 2000 characters after trimming, got none"),
        ('{"text": "a\\u0000b"}', "text_has_nul", "expected a text without NUL"),
        ('{"text": 12}', "invalid_request", "text: Input should be a valid string, got 12"),
        ("{}", "invalid_request", "text: expected a value, got none"),
        ('{"text": "a", "modle": "x"}', "invalid_request", "modle: no such field"),
        (
            json.dumps(dict.fromkeys(map(str, range(FIELDS_LIMIT + 1)))),
            "invalid_request",
            "at most 100 fields, got 101",
        ),
        ('{"text": ', "malformed_json", "JSON"),
        ("[]", "invalid_request", "got []"),
        ("", "invalid_request", "body: expected a value, got none"),
        (b"\xff\xfe", "malformed_json", "Invalid JSON: expected value"),
        (b'{"text": "\xff"}', "malformed_json", "Invalid JSON: invalid unicode code point"),
        (b"[" * 100_000, "malformed_json", "Invalid JSON: recursion limit exceeded"),
        ('{"text": "\\ud800"}', "malformed_json", "Invalid JSON: "),
        ('{"text": NaN}', "invalid_request", "text: Input should be a valid string, got nan"),
    ],
)
async def test_a_bad_body_is_a_400_that_says_what_was_expected_and_what_came(
    client: httpx.AsyncClient, body: str | bytes, code: str, message: str
) -> None:
    reply = await client.post("/texts", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == code
    assert message in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"Content-Encoding": "gzip"}, "'gzip'"),
        ({"Content-Type": "application/json; charset=utf-16"}, "'utf-16'"),
    ],
)
async def test_a_body_that_is_compressed_or_no_utf_8_is_415(
    client: httpx.AsyncClient, headers: dict[str, str], what: str
) -> None:
    reply = await client.post(
        "/texts", content=b'{"text": "a"}', headers={"Content-Type": "application/json"} | headers
    )
    assert reply.status_code == 415
    assert reply.json()["error"]["code"] == "unsupported_media_type"
    assert what in reply.json()["error"]["message"]


async def test_a_body_over_the_limit_is_refused_by_its_announced_size(client: httpx.AsyncClient) -> None:
    reply = await client.post("/texts", content=b"x" * 200_001, headers={"Content-Type": "application/json"})
    assert reply.status_code == 413
    assert reply.json()["error"]["message"] == "expected a body of at most 200000 bytes, got 200001"


async def test_a_body_over_the_limit_is_refused_while_it_streams(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 20_000

    reply = await client.post("/texts", content=parts(), headers={"Content-Type": "application/json"})
    assert reply.status_code == 413


async def test_readiness_lists_each_dependency() -> None:
    transport = httpx.ASGITransport(an_app(ready=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        reply = await client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"ready": False, "dependencies": {"redis": "cannot be reached"}}


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("DELETE", 405)])
async def test_a_token_in_a_path_is_not_logged(caplog: pytest.LogCaptureFixture, method: str, status: int) -> None:
    app = an_app()

    @app.get("/links/{token}")
    async def links(token: str) -> int:
        return len(token)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        caplog.set_level(logging.INFO, "vigie.web")
        await client.request(method, "/links/secret")
        await client.request(method, "/named/open")
    told = [(record.__dict__["path"], record.__dict__["status"]) for record in caplog.records]
    assert told == [("/links/{token}", status), ("/named/open", status)]


async def test_requests_are_counted_by_route_and_status(client: httpx.AsyncClient) -> None:
    await client.get("/busy")
    text = (await client.get("/metrics")).text
    assert 'vigie_http_requests_total{method="GET",route="/busy",status="429"}' in text
    assert "vigie_http_request_seconds_bucket" in text
