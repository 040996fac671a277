"""The endpoints of the Open Inference Protocol (V2)."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import cache
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from vigie.cards import ModelCard
from vigie.connections import end_with_client
from vigie.errors import InvalidRequest
from vigie.inference import (
    InferenceRequest,
    InferenceResponse,
    Liveness,
    ModelIndex,
    ModelMetadata,
    ModelReadiness,
    ServerError,
    ServerMetadata,
    ServerReadiness,
)
from vigie.protocol import (
    BINARY_BODY,
    BINARY_EXTENSION,
    JSON_SIZE,
    Answered,
    JsonSize,
    read_request,
    texts_of,
    wants_explanation,
    write_response,
)
from vigie.serving.state import state_of

Errors = dict[int | str, dict[str, Any]]

NOT_FOUND: Errors = {404: {"model": ServerError}}
NOT_READY: Errors = NOT_FOUND | {503: {"model": ServerError}}
INFER: Errors = NOT_READY | {status: {"model": ServerError} for status in (400, 413, 415, 429, 504)}


class RawRoute(APIRoute):
    """A route that is documented by its endpoint's signature and answered by `infer`, past the parameter machinery."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook."""
        return infer


server = APIRouter(prefix="/v2", tags=["server"])
models = APIRouter(prefix="/v2/models", tags=["models"])
inference = APIRouter(prefix="/v2/models", tags=["inference"], route_class=RawRoute, responses=INFER)


async def infer(request: Request) -> Response:
    """Reads, computes, writes. Without path parameters (a direct route) it means this predictor's model."""
    end_with_client(request.scope)
    state = state_of(request)
    name, version = request.path_params.get("name", state.family.name), request.path_params.get("version")
    engine = state.lane(name, version).engine
    deadline = asyncio.get_running_loop().time() + _seconds_left(request, state.timeout_seconds)
    message = read_request(await request.body(), request.headers.get(JSON_SIZE))
    texts, explaining = texts_of(message), message.parameters is not None and wants_explanation(message)
    number = version if version is not None and version.isdecimal() else None
    answer = await engine.infer(texts, number=number, deadline=deadline)
    words = await engine.explain(texts, number=answer.number, deadline=deadline) if explaining else None
    answered = Answered(name, answer.number, answer.probabilities, words)
    return Response(write_response(answered, message), media_type="application/json")


@server.get("")
async def server_metadata() -> ServerMetadata:
    """What this server is."""
    return _server()


@server.get("/health/live")
async def live() -> Liveness:
    """The process lives."""
    return Liveness()


@server.get("/health/ready", response_model=ServerReadiness, responses={503: {"model": ServerReadiness}})
async def ready(request: Request) -> JSONResponse:
    """A model is loaded and passed its self-test."""
    state = state_of(request)
    is_ready = state.is_ready(state.family.name)
    return JSONResponse(ServerReadiness(ready=is_ready).model_dump(), 200 if is_ready else 503)


@models.get("")
async def index(request: Request) -> ModelIndex:
    """The models of this server, ready or not."""
    return ModelIndex(models=[state_of(request).family.name])


@models.get("/{name}", responses=NOT_READY, response_model_exclude_none=True)
async def model_metadata(request: Request, name: str) -> ModelMetadata:
    """What serves, with what it looks like on the wire."""
    return state_of(request).metadata(name)


@models.get("/{name}/versions/{version}", responses=NOT_READY, response_model_exclude_none=True)
async def version_metadata(request: Request, name: str, version: str) -> ModelMetadata:
    """The same, if this version serves."""
    return state_of(request).metadata(name, version)


@models.get("/{name}/card", responses=NOT_READY)
async def model_card(request: Request, name: str) -> ModelCard:
    """What is known of the version that serves; Vigie's own, the protocol has no such thing."""
    return await asyncio.to_thread(state_of(request).card, name)


@models.get("/{name}/ready", response_model=ModelReadiness, responses=NOT_FOUND | {503: {"model": ModelReadiness}})
async def model_ready(request: Request, name: str) -> JSONResponse:
    """A version of this model is loaded and passed its self-test."""
    return _model_readiness(name, state_of(request).is_ready(name))


@models.get(
    "/{name}/versions/{version}/ready",
    response_model=ModelReadiness,
    responses=NOT_FOUND | {503: {"model": ModelReadiness}},
)
async def version_ready(request: Request, name: str, version: str) -> JSONResponse:
    """This version is loaded and passed its self-test."""
    return _model_readiness(name, state_of(request).is_ready(name, version))


@inference.post("/{name}/infer", response_model=InferenceResponse, openapi_extra=BINARY_BODY)
async def model_infer(name: str, body: InferenceRequest, json_size: JsonSize = None) -> None:
    """Probabilities of `negative` and labels for n texts, all by one version."""


@inference.post("/{name}/versions/{version}/infer", response_model=InferenceResponse, openapi_extra=BINARY_BODY)
async def version_infer(name: str, version: str, body: InferenceRequest, json_size: JsonSize = None) -> None:
    """The same, if this version serves."""


@cache
def _server() -> ServerMetadata:
    return ServerMetadata(version=installed_version("vigie-shared"), extensions=[BINARY_EXTENSION])


def _model_readiness(name: str, is_ready: bool) -> JSONResponse:
    return JSONResponse(ModelReadiness(name=name, ready=is_ready).model_dump(), 200 if is_ready else 503)


def _seconds_left(request: Request, longest: float) -> float:
    """The deadline that came in `X-Deadline-Ms`, at most `longest`."""
    said = request.headers.get("x-deadline-ms")
    if said is None:
        return longest
    if not said.isascii() or not said.isdigit() or len(said) > 12:
        raise InvalidRequest(f"X-Deadline-Ms: expected milliseconds, got {said[:40]!r}")
    return min(int(said) / 1000, longest)
