"""The service's API; the gateway is its only client."""

from collections.abc import Generator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from feedback.state import state_of
from vigie.json_bodies import JsonRoute
from vigie.schemas import (
    CountsQuery,
    ExportQuery,
    Feedback,
    FeedbackPage,
    FeedbackQuery,
    FeedbackRequest,
    PredictionCounts,
    PredictionPage,
    PredictionQuery,
)
from vigie.trials import TrialList

router = APIRouter(route_class=JsonRoute)


@router.post("/feedback", status_code=201, responses={200: {"model": Feedback}})
async def vote(request: Request, body: FeedbackRequest, response: Response) -> Feedback:
    """Takes a vote: 201 the first time, 200 when it stands already or replaces the annotator's earlier one."""
    feedback, first = await state_of(request).vote(body)
    response.status_code = 201 if first else 200
    return feedback


@router.delete("/feedback/{feedback_id}")
async def withdraw(request: Request, feedback_id: str) -> Feedback:
    """Takes a vote back; the vote that it had replaced stands again."""
    return await state_of(request).withdraw(feedback_id)


@router.get("/feedback")
async def list_feedback(request: Request, query: Annotated[FeedbackQuery, Query()]) -> FeedbackPage:
    """The votes that stand, newest first."""
    return await state_of(request).feedback_page(query)


class _Export(StreamingResponse):
    """Closes its lines at the end, also when the client leaves before it: they hold a connection to the store."""

    def __init__(self, lines: Generator[str, None, None]) -> None:
        headers = {"Content-Disposition": 'attachment; filename="feedback.csv"'}
        super().__init__(lines, media_type="text/csv; charset=utf-8", headers=headers)
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._lines.close()


@router.get("/feedback/export.csv", response_class=StreamingResponse)
async def export_feedback(request: Request, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """The votes that stand as CSV, newest first."""
    return _Export(state_of(request).export(query, raw=query.raw))


@router.get("/predictions")
async def list_predictions(request: Request, query: Annotated[PredictionQuery, Query()]) -> PredictionPage:
    """The predictions that were answered, newest first."""
    return await state_of(request).prediction_page(query)


@router.get("/predictions/counts")
async def count_predictions(request: Request, query: Annotated[CountsQuery, Query()]) -> PredictionCounts:
    """Predictions over time, by family and by topic."""
    return await state_of(request).prediction_counts(query)


@router.get("/trials")
async def list_trials(request: Request) -> TrialList:
    """The versions on trial beside their champions, and every challenger that was stopped; 503 before it is known."""
    return state_of(request).judge.trials
