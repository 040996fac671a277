"""The Open Inference Protocol (V2) at the gateway, for clients of KServe, Triton and MLServer.

What it predicts is logged and may be voted on like any other prediction. It speaks V2 in errors too.
"""

from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from gateway.keys import KEY_HEADER, Scope
from gateway.origins import NOWHERE
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
    BINARY_EXTENSION,
    JSON_SIZE,
    OUTPUTS,
    Answered,
    error_body,
    read_request,
    texts_of,
    wants_explanation,
    write_response,
)
from vigie.schemas import BatchRequest
from vigie.web import as_vigie_error, error_response, invalid_request

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ProtocolRoute(APIRoute):
    """A route whose errors have the protocol's shape."""

    def get_route_handler(self) -> Handler:
        """FastAPI's hook: what answers a request."""
        handler = self.handler()

        async def handle(request: Request) -> Response:
            return await _in_v2(handler, request)

        return handle

    def handler(self) -> Handler:
        """What answers when nothing goes wrong."""
        return super().get_route_handler()


class InferRoute(ProtocolRoute):
    """Documented by its endpoint's signature, answered by `infer`."""

    def handler(self) -> Handler:
        """See `ProtocolRoute`."""
        return infer


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ServerError} for status in statuses}


server = APIRouter(prefix="/v2", tags=["open inference"], route_class=ProtocolRoute)
described = APIRouter(
    prefix="/v2/models",
    tags=["open inference"],
    route_class=ProtocolRoute,
    dependencies=[Depends(admitted(Scope.PREDICT))],
    responses=_errors(401, 403, 429),
)
inference = APIRouter(
    prefix="/v2/models",
    tags=["open inference"],
    route_class=InferRoute,
    dependencies=[Security(KEY_HEADER)],
    responses=_errors(400, 401, 403, 404, 413, 429, 503, 504),
)


async def infer(request: Request) -> Response:
    """Reads, predicts as `POST /predict/batch` does, writes."""
    end_with_client(request.scope)
    state, name = state_of(request), request.path_params["name"]
    state.admit(request.headers.get("x-api-key"), Scope.PREDICT)
    message = read_request(await request.body(), request.headers.get(JSON_SIZE), outputs=(*OUTPUTS, PREDICTION_ID))
    try:
        batch = BatchRequest(texts=texts_of(message), model=name)
    except ValidationError as error:
        raise invalid_request(error.errors()) from None
    explaining, nowhere = wants_explanation(message), [NOWHERE] * len(batch.texts)
    if explaining:
        predictions = await state.predictions.explain_many(batch.texts, name, nowhere)
    else:
        predictions = await state.predictions.predict_many(batch.texts, name, nowhere, by_one=True)
    answered = _answered(predictions)
    return Response(write_response(answered, message), media_type="application/json")


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
    metadata = await state_of(request).predictions.client(name).metadata()
    receipts = TensorMetadata(name=PREDICTION_ID, datatype="BYTES", shape=[-1])
    return metadata.model_copy(update={"outputs": [*metadata.outputs, receipts]})


@described.get(
    "/{name}/ready", response_model=ModelReadiness, responses=_errors(404) | {503: {"model": ModelReadiness}}
)
async def model_ready(request: Request, name: str) -> JSONResponse:
    """Whether the family can answer."""
    try:
        await state_of(request).predictions.client(name).metadata()
    except Unavailable:
        return JSONResponse(ModelReadiness(name=name, ready=False).model_dump(), 503)
    return JSONResponse(ModelReadiness(name=name, ready=True).model_dump())


@inference.post("/{name}/infer", response_model=InferenceResponse)
async def model_infer(name: str, body: InferenceRequest) -> None:
    """Probabilities of `negative`, labels and prediction ids for up to 1,000 texts, all by one version."""


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


async def _in_v2(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except Exception as error:
        known = as_vigie_error(error)
        if known.status >= 500 and known is not error:
            raise
        return error_response(known, error_body)
