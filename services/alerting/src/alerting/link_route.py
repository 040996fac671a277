"""Routes behind the links of mails: who opens them in a browser is told on a page what went wrong."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from alerting.state import state_of
from vigie.errors import NotFound
from vigie.json_bodies import JsonRoute


class LinkRoute(JsonRoute):
    """What is not found is a page for those whose `Accept` names HTML, as browsers do; else the error as everywhere."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook: what answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except NotFound:
                if "text/html" not in request.headers.get("accept", "").lower():
                    raise
                return HTMLResponse(state_of(request).pages.broken(), status_code=404)

        return answer
