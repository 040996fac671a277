"""The service's API; the gateway is its only client."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from alerting.link_route import LinkRoute
from alerting.state import state_of
from vigie.alerts import BROKEN_LINK, Alert, AlertPage, Silence, SilenceList, SilenceRequest, TestMailResult
from vigie.json_bodies import JsonRoute
from vigie.schemas import ErrorBody

router = APIRouter(tags=["alerts"], route_class=JsonRoute)
links = APIRouter(tags=["alerts"], route_class=LinkRoute)


@router.get("/alerts", responses={400: {"model": ErrorBody}})
async def list_alerts(
    request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: str | None = None
) -> AlertPage:
    """The alerts that fired, newest first, and what became of their mails."""
    return await state_of(request).store.page(limit=limit, cursor=cursor)


@router.post("/alerts/test", responses={502: {"model": ErrorBody}, 503: {"model": ErrorBody}})
async def send_test_mail(request: Request) -> TestMailResult:
    """Sends a test mail to everybody who gets alerts, now, and answers with what the mail server said."""
    return await state_of(request).trial.send()


@router.post("/alerts/silences", status_code=201, responses={400: {"model": ErrorBody}})
async def make_silence(request: Request, body: SilenceRequest) -> Silence:
    """No mails for a scope, for a while; what fires meanwhile is kept and shown."""
    return await state_of(request).silences.make(body)


@router.get("/alerts/silences")
async def list_silences(request: Request) -> SilenceList:
    """Silences, newest first."""
    return await state_of(request).silences.all()


@router.delete("/alerts/silences/{silence_id}", responses={404: {"model": ErrorBody}})
async def end_silence(request: Request, silence_id: str) -> Silence:
    """Ends a silence now."""
    return await state_of(request).silences.end(silence_id)


@router.post("/alerts/{alert_id}/false-alarm", responses={404: {"model": ErrorBody}})
async def call_false(request: Request, alert_id: str) -> Alert:
    """Notes that an alert was a false alarm."""
    return await state_of(request).silences.call_false(alert_id)


@links.get("/alerts/act/{token}", response_class=HTMLResponse, responses={404: BROKEN_LINK})
async def ask_first(request: Request, token: str) -> HTMLResponse:
    """The page behind a signed link: it asks, and does nothing."""
    return HTMLResponse(state_of(request).pages.ask(token))


@links.post("/alerts/act/{token}", response_class=HTMLResponse, responses={404: BROKEN_LINK})
async def act(request: Request, token: str) -> HTMLResponse:
    """Does what the signed link says."""
    return HTMLResponse(await state_of(request).pages.act(token))
