"""The page's one way out: the gateway's API over one HTTP client."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from vigie.schemas import ErrorBody

MessageT = TypeVar("MessageT", bound=BaseModel)

TIMEOUT_SECONDS = 15.0
CONNECT_SECONDS = 3.0
CONNECTIONS = 64
BATCHES_AT_ONCE = 4

_LOG = logging.getLogger(__name__)


class Trouble(Exception):
    """Why the gateway gave no answer: its error `code`, or one of `unreachable`, `too_slow`, `not_vigie`.

    `detail` is what it said, `retry_after` the seconds that it asked to wait.
    """

    def __init__(self, code: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class Gateway:
    """Calls the gateway; every call raises `Trouble` when there is no answer. A key given to a call wins.

    Whoever sends the rows of a file holds one of `batch_turns` meanwhile: files share them, first come, first served.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self.batch_turns = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._headers = {"X-API-Key": key} if key else {}
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    async def close(self) -> None:
        """Closes the client."""
        await self._http.aclose()

    async def get(self, path: str, schema: type[MessageT], *, key: str | None = None, **query: Any) -> MessageT:
        """`GET`, leaving out what is null in the query; tried again once when the connection broke."""
        given = {name: value for name, value in query.items() if value is not None}
        try:
            return self._read(await self._send("GET", path, key, params=given), schema)
        except Trouble as trouble:
            if trouble.code != "unreachable":
                raise
        return self._read(await self._send("GET", path, key, params=given), schema)

    async def post(
        self, path: str, body: BaseModel | None, schema: type[MessageT], *, key: str | None = None
    ) -> MessageT:
        """`POST` with a JSON body; what is null in it is left out."""
        content = None if body is None else body.model_dump_json(exclude_none=True).encode()
        headers = {"Content-Type": "application/json"} if content else {}
        return self._read(await self._send("POST", path, key, content=content, headers=headers), schema)

    async def delete(self, path: str, schema: type[MessageT], *, key: str | None = None) -> MessageT:
        """`DELETE`."""
        return self._read(await self._send("DELETE", path, key), schema)

    async def fetch(self, path: str) -> bytes:
        """The bytes of a file."""
        return (await self._send("GET", path, None)).content

    async def probe(self) -> str:
        """`ok`, or why there is no page without the gateway."""
        try:
            reply = await self._http.get("/healthz", timeout=2)
        except httpx.HTTPError as error:
            return f"cannot be reached ({type(error).__name__})"
        return "ok" if reply.status_code == 200 else f"answered {reply.status_code}"

    async def _send(
        self, method: str, path: str, key: str | None, *, headers: Mapping[str, str] = {}, **content: Any
    ) -> httpx.Response:
        own = {"X-API-Key": key} if key else self._headers
        try:
            sent = httpx.Headers({**own, **headers}, encoding="utf-8")  # a key may hold any letters
            reply = await self._http.request(method, path, headers=sent, **content)
        except httpx.TimeoutException as error:
            raise Trouble("too_slow", type(error).__name__) from None
        except httpx.HTTPError as error:
            raise Trouble("unreachable", f"{type(error).__name__}: {error}") from None
        if reply.is_success:
            return reply
        raise _trouble(reply)

    def _read(self, reply: httpx.Response, schema: type[MessageT]) -> MessageT:
        try:
            return schema.model_validate_json(reply.content)
        except ValidationError as error:
            _LOG.warning("not an answer of the gateway", extra={"path": reply.url.path, "problem": str(error)[:500]})
            raise Trouble("not_vigie", reply.url.path) from None


def _trouble(reply: httpx.Response) -> Trouble:
    try:
        said = ErrorBody.model_validate_json(reply.content).error
    except ValidationError:
        return Trouble("not_vigie", f"{reply.status_code}")
    wait = None
    with suppress(KeyError, ValueError):
        wait = float(reply.headers["Retry-After"])
    return Trouble(said.code, said.message, wait)
