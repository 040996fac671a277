"""HTTP/1.1 to one server over connections that stay open: the hop that is part of every answer.

A general client spends more on a call than the small models do on a tweet. Nothing here follows redirects, keeps
cookies or decodes contents.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from vigie.settings import is_http

_MOST_BYTES = 32 * 1024 * 1024


class Lost(ConnectionError):
    """The connection ended before the answer did."""


class NotHttp(Exception):
    """What came back is no answer in HTTP/1.1, or one without end."""


class Reply(NamedTuple):
    """An answer; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Channel:
    """As many connections to `url` as there are calls at once; they are opened when needed, and used again."""

    def __init__(self, url: str) -> None:
        if not is_http(url):
            raise ValueError(f"expected http://host:port, got {url!r}")
        parts = urlsplit(url)
        self._host = cast(str, parts.hostname)
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._base = parts.path.rstrip("/")
        self._named = parts.netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []

    async def ask(
        self, method: str, path: str, *, until: float, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        """One answer. `until` is a time of the event loop's clock, in seconds.

        Raises `TimeoutError` then, `Lost` or another `OSError` for the connection, `NotHttp` for what is no answer.
        """
        head = [f"{method} {self._base}{path} HTTP/1.1\r\nHost: {self._named}\r\nContent-Length: {len(body)}\r\n"]
        head += [f"{name}: {value}\r\n" for name, value in (headers or {}).items()]
        async with asyncio.timeout_at(until):
            connection = self._idle.pop() if self._idle else await self._open()
            try:
                reply = await connection.ask("".join([*head, "\r\n"]).encode("latin-1") + body)
            except BaseException:
                connection.close()
                raise
        if connection.is_open:
            self._idle.append(connection)
        return reply

    def close(self) -> None:
        """Hangs up where nothing is under way."""
        for connection in self._idle:
            connection.close()

    async def _open(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._idle), self._host, self._port, ssl=self._tls
        )
        return connection


class _Connection(asyncio.Protocol):
    """One connection; `idle` are those that wait for a call, which it leaves when it ends."""

    def __init__(self, idle: "list[_Connection]") -> None:
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._content: list[bytes] = []
        self._size = 0

    @property
    def is_open(self) -> bool:
        """Whether it can take another call."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Sends a request; the answer to it."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._fail(Lost("the connection was closed"))
        else:
            self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's hook."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's hook."""
        self._transport = None
        if self in self._idle:
            self._idle.remove(self)
        self._fail(Lost(f"the connection ended before an answer was there{f': {exc}' if exc else ''}"))

    def data_received(self, data: bytes) -> None:
        """Asyncio's hook."""
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(NotHttp(f"expected an answer in HTTP/1.1, got {data[:40]!r} ({error})"))
            self.close()

    def on_message_begin(self) -> None:
        """The parser's hook; what comes unasked must not be taken for the next answer."""
        self._headers, self._content, self._size = {}, [], 0
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's hook."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """The parser's hook."""
        self._content.append(body)
        self._size += len(body)
        if self._size > _MOST_BYTES:
            self._fail(NotHttp(f"expected an answer of at most {_MOST_BYTES} bytes, got more"))
            self.close()

    def on_message_complete(self) -> None:
        """The parser's hook."""
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiting is not None and not self._waiting.done():
            reply = Reply(self._parser.get_status_code(), self._headers, b"".join(self._content))
            self._waiting.set_result(reply)

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
