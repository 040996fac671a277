"""The services behind the gateway that keep state (feedback, alerting): requests are passed on, answers passed back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from yarl import URL

from vigie import tracing
from vigie.errors import DeadlineExceeded, Unavailable
from vigie.logs import REQUEST_ID
from vigie.schemas import Message

MessageT = TypeVar("MessageT", bound=Message)

_PASSED_BACK = ("content-type", "content-disposition", "retry-after")
CONNECTIONS = 100
CONNECT_SECONDS = 2.0
KEPT_SECONDS = 2.0  # less than a server keeps an idle connection (uvicorn 5): it must not close one as a vote is sent
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))  # the client has quoted what needs it
_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=1.0)


class Backend:
    """One internal service, by name and base URL; use it as an async context manager.

    At most `CONNECTIONS` requests are under way there, further ones wait for one of these to end. The connections are
    its own, so that one that hangs holds up no other, and what the gateway itself asks has others than what it passes
    on. An answer has to begin within `timeout_seconds`, all waits included, and then has that long for each piece.
    """

    def __init__(self, name: str, url: str, *, timeout_seconds: float) -> None:
        self._name = name
        self._url = url
        self._patience = timeout_seconds
        self._timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=timeout_seconds)
        self._http, self._own = _session(), _session()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        await self._own.close()

    async def forward(self, request: Request, body: bytes | None = None) -> Response:
        """The backend's own answer to the same method, path and query, streamed.

        Raises `Unavailable` when it cannot be reached, `DeadlineExceeded` when it does not answer in time.
        """
        reply = await self._send(request, body)
        headers = {name: reply.headers[name] for name in _PASSED_BACK if name in reply.headers}
        return StreamingResponse(_content(reply), status_code=reply.status, headers=headers)

    async def read(self, path: str, schema: type[MessageT]) -> MessageT:
        """What the backend answers to a GET of ours; raises `Unavailable` when that is not what it should be."""
        try:
            async with self._own.get(f"{self._url}{path}", timeout=_PROBE_TIMEOUT) as reply:
                return schema.model_validate_json(await reply.read())
        except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
            raise Unavailable(f"{self._name}: {path}: {type(error).__name__}") from error

    async def probe(self) -> str:
        """`ok`, or why this service cannot do its work."""
        try:
            async with self._own.get(f"{self._url}/readyz", timeout=_PROBE_TIMEOUT) as reply:
                said = await reply.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"cannot be reached ({type(error).__name__})"
        return "ok" if reply.status == 200 else f"not ready: {said[:200]}"

    async def _send(self, request: Request, body: bytes | None) -> aiohttp.ClientResponse:
        path, query = (quote(request.scope[part], safe=_PRINTABLE) for part in ("raw_path", "query_string"))
        url = URL(f"{self._url}{path}?{query}", encoded=True)
        with tracing.span(f"call {self._name}", kind="client"):
            try:
                async with asyncio.timeout(self._patience):
                    return await self._http.request(
                        request.method, url, data=body, headers=_headers(request, body), timeout=self._timeout
                    )
            except TimeoutError:
                raise DeadlineExceeded(f"{self._name} did not answer in time") from None
            except aiohttp.ClientError as error:
                raise Unavailable(f"{self._name} cannot be reached: {type(error).__name__}") from error


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_SECONDS)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False)


def _headers(request: Request, body: bytes | None) -> dict[str, str]:
    kind = {} if body is None else {"Content-Type": "application/json"}
    wanted = {"Accept": request.headers["accept"]} if "accept" in request.headers else {}
    return {"X-Request-ID": REQUEST_ID.get(), **tracing.headers(), **kind, **wanted}


async def _content(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with reply:
        async for part in reply.content.iter_any():
            yield part
