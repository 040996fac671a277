"""The service's API; the gateway is its only client."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from alerting.state import state_of
from vigie.alerts import AlertPage, TestMailResult
from vigie.schemas import ErrorBody

router = APIRouter(tags=["alerts"])


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
