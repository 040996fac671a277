"""The public API: each route names its scope, its schemas, and calls one function."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.responses import HTMLResponse
from pydantic_core import to_json

from gateway.direct import AdminRoute, FeedbackRoute, PredictRoute
from gateway.keys import KEY_HEADER, Scope
from gateway.rows import PredictionRow
from gateway.state import admitted, state_of
from vigie.alerts import (
    BROKEN_LINK,
    JSON_ERROR,
    Alert,
    AlertPage,
    Silence,
    SilenceList,
    SilenceRequest,
    TestMailResult,
)
from vigie.cards import ModelCard
from vigie.model_status import ModelList
from vigie.schemas import (
    BatchRequest,
    BatchResponse,
    CountsQuery,
    ErrorBody,
    ExplainedBatchResponse,
    ExplainedPrediction,
    ExportQuery,
    Feedback,
    FeedbackPage,
    FeedbackQuery,
    FeedbackRequest,
    Prediction,
    PredictionCounts,
    PredictionPage,
    PredictionQuery,
    PredictRequest,
)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorBody} for status in (400, 401, 403, 429, *statuses)}


def _written(answer: PredictionRow | dict[str, list[PredictionRow]]) -> Response:
    return Response(to_json(answer), media_type="application/json")


_WRITES = (404, 413, 415, 503, 504)
_READS = (503, 504)
_SIGNED: dict[int | str, dict[str, Any]] = {404: BROKEN_LINK, **{status: {"content": JSON_ERROR} for status in _READS}}

predicting = APIRouter(tags=["predictions"], route_class=PredictRoute, dependencies=[Security(KEY_HEADER)])
voting = APIRouter(tags=["feedback"], route_class=FeedbackRoute, dependencies=[Security(KEY_HEADER)])
models = APIRouter(tags=["predictions"], dependencies=[Depends(admitted(Scope.PREDICT))])
history = APIRouter(tags=["feedback"], dependencies=[Depends(admitted(Scope.FEEDBACK))])
alerts = APIRouter(tags=["alerts"], dependencies=[Depends(admitted(Scope.ADMIN))])
silencing = APIRouter(tags=["alerts"], route_class=AdminRoute, dependencies=[Security(KEY_HEADER)])
signed = APIRouter(tags=["alerts"])
ROUTERS = (predicting, voting, models, history, alerts, silencing, signed)


@predicting.post("/predict", response_model=Prediction | ExplainedPrediction, responses=_errors(*_WRITES))
async def predict(request: Request, body: PredictRequest) -> Response:
    """The sentiment of one tweet; with `explain` also the words that weighed most."""
    state = state_of(request)
    ask = state.predictions.explain if body.explain else state.predictions.predict
    return _written(await ask(body.text, body.model, state.origins.of(body)))


@predicting.post("/predict/batch", response_model=BatchResponse | ExplainedBatchResponse, responses=_errors(*_WRITES))
async def predict_batch(request: Request, body: BatchRequest) -> Response:
    """The sentiment of up to 1,000 tweets, in order; one bad text fails the request and is named."""
    state = state_of(request)
    ask = state.predictions.explain_many if body.explain else state.predictions.predict_many
    return _written({"predictions": await ask(body.texts, body.model, state.origins.of_each(body))})


@models.get("/models", responses=_errors())
async def list_models(request: Request) -> ModelList:
    """Every family served here: whether it is ready, which version, since when, how good."""
    return await state_of(request).models()


@models.get("/models/{name}/card", responses=_errors(404, *_READS))
async def model_card(request: Request, name: str) -> ModelCard:
    """The version that serves: how it did on held-out rows, what it cost, how it became the champion."""
    return await state_of(request).predictions.client(name).card()


@voting.post(
    "/feedback",
    status_code=201,
    response_model=Feedback,
    responses=_errors(*_WRITES) | {200: {"model": Feedback, "description": "The vote stands already, or was changed."}},
)
async def vote(request: Request, body: FeedbackRequest) -> Response:
    """Says whether a prediction was right. The same vote again changes nothing; another one replaces it."""
    return await state_of(request).feedback.forward(request, body.model_dump_json().encode())


@history.delete("/feedback/{feedback_id}", response_model=Feedback, responses=_errors(404, *_READS))
async def withdraw_vote(request: Request, feedback_id: str) -> Response:
    """Takes a vote back; the vote that it had replaced stands again."""
    return await state_of(request).feedback.forward(request)


@history.get("/feedback", response_model=FeedbackPage, responses=_errors(*_READS))
async def list_feedback(request: Request, query: Annotated[FeedbackQuery, Query()]) -> Response:
    """The votes that stand, newest first."""
    return await state_of(request).feedback.forward(request)


@history.get(
    "/feedback/export.csv", response_class=Response, responses=_errors(*_READS) | {200: {"content": {"text/csv": {}}}}
)
async def export_feedback(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """The votes as CSV, safe to open in a spreadsheet unless `raw=true`."""
    return await state_of(request).feedback.forward(request)


@history.get("/predictions", response_model=PredictionPage, responses=_errors(*_READS))
async def list_predictions(request: Request, query: Annotated[PredictionQuery, Query()]) -> Response:
    """The predictions that were answered, newest first."""
    return await state_of(request).feedback.forward(request)


@history.get("/predictions/counts", response_model=PredictionCounts, responses=_errors(*_READS))
async def count_predictions(request: Request, query: Annotated[CountsQuery, Query()]) -> Response:
    """How many predictions were answered over time, how many of them negative; by family and by topic."""
    return await state_of(request).feedback.forward(request)


@alerts.get("/alerts", response_model=AlertPage, responses=_errors(*_READS))
async def list_alerts(
    request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: str | None = None
) -> Response:
    """The alerts that fired, newest first, and what became of their mails."""
    return await state_of(request).alerting.forward(request)


@alerts.post("/alerts/test", response_model=TestMailResult, responses=_errors(502, *_READS))
async def send_test_mail(request: Request) -> Response:
    """Sends a test mail and answers with what the SMTP server said."""
    return await state_of(request).alerting.forward(request, b"")


@silencing.post("/alerts/silences", status_code=201, response_model=Silence, responses=_errors(413, 415, *_READS))
async def make_silence(request: Request, body: SilenceRequest) -> Response:
    """No mails for a scope (`*`: every scope) for a while; alerts that fire meanwhile are kept and shown."""
    return await state_of(request).alerting.forward(request, body.model_dump_json().encode())


@alerts.get("/alerts/silences", response_model=SilenceList, responses=_errors(*_READS))
async def list_silences(request: Request) -> Response:
    """Silences, newest first."""
    return await state_of(request).alerting.forward(request)


@alerts.delete("/alerts/silences/{silence_id}", response_model=Silence, responses=_errors(404, *_READS))
async def end_silence(request: Request, silence_id: str) -> Response:
    """Ends a silence now."""
    return await state_of(request).alerting.forward(request)


@alerts.post("/alerts/{alert_id}/false-alarm", response_model=Alert, responses=_errors(404, *_READS))
async def call_false(request: Request, alert_id: str) -> Response:
    """Notes that an alert was a false alarm; it stays in the history, with that mark."""
    return await state_of(request).alerting.forward(request, b"")


@signed.get("/alerts/act/{token}", response_class=HTMLResponse, responses=_SIGNED)
async def ask_first(request: Request, token: str) -> Response:
    """The page behind a link in a mail: it asks, and does nothing. The link's signature is the key."""
    return await state_of(request).alerting.forward(request)


@signed.post("/alerts/act/{token}", response_class=HTMLResponse, responses=_SIGNED)
async def act(request: Request, token: str) -> Response:
    """Does what a link in a mail says."""
    return await state_of(request).alerting.forward(request, b"")
