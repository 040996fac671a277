"""The services behind the gateway that keep state (feedback, alerting): requests are passed on, answers passed back."""

from collections.abc import AsyncIterator

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vigie.errors import DeadlineExceeded, Unavailable
from vigie.logs import REQUEST_ID

_PASSED_BACK = ("content-type", "content-disposition", "retry-after")
PROBE_TIMEOUT_SECONDS = 1.0


class Backend:
    """One internal service, by name and base URL."""

    def __init__(self, name: str, url: str, http: httpx.AsyncClient) -> None:
        self._name = name
        self._url = url
        self._http = http

    async def forward(self, request: Request, body: bytes | None = None) -> Response:
        """The backend's own answer to the same method, path and query.

        Raises `Unavailable` when it cannot be reached, `DeadlineExceeded` when it does not answer in time.
        """
        reply = await self._send(request, body)
        headers = {name: reply.headers[name] for name in _PASSED_BACK if name in reply.headers}
        return StreamingResponse(_content(reply), status_code=reply.status_code, headers=headers)

    async def probe(self) -> str:
        """`ok`, or why this service cannot do its work."""
        try:
            reply = await self._http.get(f"{self._url}/readyz", timeout=PROBE_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            return f"cannot be reached ({type(error).__name__})"
        return "ok" if reply.status_code == 200 else f"not ready: {reply.text[:200]}"

    async def _send(self, request: Request, body: bytes | None) -> httpx.Response:
        headers = {"X-Request-ID": REQUEST_ID.get()} | (
            {"Content-Type": "application/json"} if body is not None else {}
        )
        url = f"{self._url}{request.url.path}"
        message = self._http.build_request(
            request.method, url, params=request.url.query.encode(), content=body, headers=headers
        )
        try:
            return await self._http.send(message, stream=True)
        except httpx.TimeoutException:
            raise DeadlineExceeded(f"{self._name} did not answer in time") from None
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._name} cannot be reached: {type(error).__name__}") from error


async def _content(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in reply.aiter_bytes():
            yield part
    finally:
        await reply.aclose()
