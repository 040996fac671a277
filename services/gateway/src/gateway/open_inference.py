"""The Open Inference Protocol (V2) at the gateway, for clients of KServe, Triton and MLServer.

What it predicts is logged and may be voted on like any other prediction. Its errors have the protocol's shape, as all
below `/v2` (`vigie.web`).
"""

from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from gateway.keys import KEY_HEADER, Scope
from gateway.origins import NOWHERE
from gateway.predictions import version_not_found
from gateway.rows import PredictionRow
from gateway.state import admitted, state_of
from vigie.connections import end_with_client
from vigie.errors import Unavailable
from vigie.inference import (
    PREDICTION_ID,
    InferenceRequest,
    InferenceResponse,
    Liveness,
    ModelIndex,
    ModelMetadata,
    ModelReadiness,
    ServerError,
    ServerMetadata,
    ServerReadiness,
    TensorMetadata,
)
from vigie.protocol import (
    BINARY_BODY,
    BINARY_EXTENSION,
    JSON_SIZE,
    OUTPUTS,
    Answered,
    JsonSize,
    read_request,
    tweets_of,
    wants_explanation,
    write_response,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class InferRoute(APIRoute):
    """Documented by its endpoint's signature, answered by `infer`."""

    def get_route_handler(self) -> Handler:
        """FastAPI's hook: what answers a request."""
        return infer


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ServerError} for status in statuses}


_VERSION = "/{name}/versions/{version}"
_READINESS: dict[int | str, dict[str, Any]] = _errors(404) | {503: {"model": ModelReadiness}}

server = APIRouter(prefix="/v2", tags=["open inference"])
described = APIRouter(
    prefix="/v2/models",
    tags=["open inference"],
    dependencies=[Depends(admitted(Scope.PREDICT))],
    responses=_errors(401, 403, 429),
)
inference = APIRouter(
    prefix="/v2/models",
    tags=["open inference"],
    route_class=InferRoute,
    dependencies=[Security(KEY_HEADER)],
    responses=_errors(400, 401, 403, 404, 413, 415, 429, 503, 504),
)


async def infer(request: Request) -> Response:
    """Reads, predicts as `POST /predict/batch` does, or by the one version that the path names, writes."""
    end_with_client(request.scope)
    state, name, version = state_of(request), request.path_params["name"], request.path_params.get("version")
    state.admit(request.headers.get("x-api-key"), Scope.PREDICT)
    message = read_request(await request.body(), request.headers.get(JSON_SIZE), outputs=(*OUTPUTS, PREDICTION_ID))
    texts, explaining = tweets_of(message), wants_explanation(message)
    nowhere = [NOWHERE] * len(texts)
    if version is not None:
        predictions = await state.predictions.predict_exactly(texts, (name, version), nowhere, explain=explaining)
    elif explaining:
        predictions = await state.predictions.explain_many(texts, name, nowhere)
    else:
        predictions = await state.predictions.predict_many(texts, name, nowhere, by_one=True)
    return Response(write_response(_answered(predictions), message), media_type="application/json")


@server.get("")
async def server_metadata() -> ServerMetadata:
    """What this server is."""
    return ServerMetadata(version=installed_version("vigie-gateway"), extensions=[BINARY_EXTENSION])


@server.get("/health/live")
async def live() -> Liveness:
    """The process lives."""
    return Liveness()


@server.get("/health/ready", response_model=ServerReadiness, responses={503: {"model": ServerReadiness}})
async def ready(request: Request) -> JSONResponse:
    """The default model can answer."""
    state = await state_of(request).readiness()
    return JSONResponse(ServerReadiness(ready=state.ready).model_dump(), 200 if state.ready else 503)


@described.get("")
async def index(request: Request) -> ModelIndex:
    """The families served here, ready or not."""
    return ModelIndex(models=list(state_of(request).predictions.clients))


@described.get("/{name}", responses=_errors(404, 503), response_model_exclude_none=True)
async def model_metadata(request: Request, name: str) -> ModelMetadata:
    """What serves, with what it looks like on the wire."""
    return await _described(request, name)


@described.get(_VERSION, responses=_errors(404, 503), response_model_exclude_none=True)
async def version_metadata(request: Request, name: str, version: str) -> ModelMetadata:
    """The same, if this version serves."""
    return await _described(request, name, version)


@described.get("/{name}/ready", response_model=ModelReadiness, responses=_READINESS)
async def model_ready(request: Request, name: str) -> JSONResponse:
    """Whether the family can answer."""
    return await _readiness(request, name)


@described.get(f"{_VERSION}/ready", response_model=ModelReadiness, responses=_READINESS)
async def version_ready(request: Request, name: str, version: str) -> JSONResponse:
    """Whether this version can answer; one that does not serve is not found."""
    return await _readiness(request, name, version)


@inference.post("/{name}/infer", response_model=InferenceResponse, openapi_extra=BINARY_BODY)
async def model_infer(name: str, body: InferenceRequest, json_size: JsonSize = None) -> None:
    """Probabilities of `negative`, labels and prediction ids for up to 1,000 texts, all by one version."""


@inference.post(f"{_VERSION}/infer", response_model=InferenceResponse, openapi_extra=BINARY_BODY)
async def version_infer(name: str, version: str, body: InferenceRequest, json_size: JsonSize = None) -> None:
    """The same by this version, if it serves: no other version and no other family answers for it."""


async def _described(request: Request, name: str, version: str | None = None) -> ModelMetadata:
    metadata = await state_of(request).predictions.client(name).metadata()
    if version is not None and version not in metadata.versions:
        raise version_not_found(name, ", ".join(metadata.versions), version)
    receipts = TensorMetadata(name=PREDICTION_ID, datatype="BYTES", shape=[-1])
    return metadata.model_copy(update={"outputs": [*metadata.outputs, receipts]})


async def _readiness(request: Request, name: str, version: str | None = None) -> JSONResponse:
    try:
        await _described(request, name, version)
    except Unavailable:
        return JSONResponse(ModelReadiness(name=name, ready=False).model_dump(), 503)
    return JSONResponse(ModelReadiness(name=name, ready=True).model_dump())


def _answered(predictions: Sequence[PredictionRow]) -> Answered:
    first = predictions[0]
    degraded = {"degraded": True, "requested_model": first["requested_model"]} if first["degraded"] else None
    return Answered(
        first["model"]["name"],
        first["model"]["version"],
        [each["probabilities"]["negative"] for each in predictions],
        [each["explanation"] for each in predictions if "explanation" in each] or None,
        [each["prediction_id"] for each in predictions],
        degraded,
    )
