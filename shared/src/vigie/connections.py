"""Uvicorn's HTTP protocol with the limits that it lacks, and with an end to the work for a client that hung up."""

from asyncio import TimerHandle, Transport, current_task
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vigie.errors import HeadersTooLarge, InvalidRequest, RequestTimeout, VigieError
from vigie.logs import REQUEST_ID

REQUEST_SECONDS = 30.0
HEAD_BYTES = 32 * 1024
LINGER_SECONDS = 0.5

_TASK, _LEFT = "vigie.task", "vigie.left"


def end_with_client(scope: MutableMapping[str, Any]) -> None:
    """From now on what is done for this request is cancelled when its client hangs up, so that it leaves its queue.

    For requests that change nothing.
    """
    scope[_TASK] = current_task()


def client_left(scope: MutableMapping[str, Any]) -> bool:
    """Whether that happened."""
    return _LEFT in scope


class GuardedProtocol(HttpToolsProtocol):
    """Cuts off clients that open a connection and say nothing, or send a request drop by drop, or a head without end.

    A request must be there `REQUEST_SECONDS` after its first byte, the first one that long after the connection. Its
    head may be `HEAD_BYTES` longer than the piece that it begins in. The timer is only
    started for what does not come in one piece.

    A server that ends hangs up on nobody who is about to speak: a connection that is idle then stays for
    `LINGER_SECONDS`, and whatever is answered says that it was the last answer.
    """

    request_seconds = REQUEST_SECONDS
    linger_seconds = LINGER_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = False
        self._in_head = False
        self._head_bytes = 0
        self._ending = False
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Asyncio's hook."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.request_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's hook."""
        self._stop_timer()
        if self.cycle is not None and not self.cycle.response_complete:
            scope = cast(MutableMapping[str, Any], self.cycle.scope)
            if (task := scope.get(_TASK)) is not None:
                scope[_LEFT] = True
                task.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Asyncio's hook."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HeadersTooLarge(f"expected a head of at most {HEAD_BYTES} bytes, got more"))
                return
        super().data_received(data)
        if self._arriving or self._is_idle():
            if self._timer is None:
                self._timer = self.loop.call_later(self.request_seconds, self._too_slow)
        elif self._timer is not None:
            self._stop_timer()

    def on_message_begin(self) -> None:
        """The parser's hook."""
        super().on_message_begin()
        self._arriving = self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The parser's hook."""
        self._in_head = False
        super().on_headers_complete()
        if self._ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The parser's hook."""
        self._arriving = False
        super().on_message_complete()

    def shutdown(self) -> None:
        """Uvicorn's hook, when the server ends."""
        self._ending = True
        if self._is_idle():
            self.loop.call_later(self.linger_seconds, self._hang_up)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's hook, for what is not HTTP: the same error shape as everywhere."""
        self._refuse(InvalidRequest(msg))

    def _is_idle(self) -> bool:
        """Whether bytes came that began no request: empty lines, which also stop the keep-alive timer."""
        return self.cycle is None or self.cycle.response_complete

    def _hang_up(self) -> None:
        if not self._arriving:
            super().shutdown()

    def _too_slow(self) -> None:
        self._timer = None
        if self._arriving or self._is_idle():
            self._refuse(RequestTimeout(f"expected the whole request within {self.request_seconds:g} s"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, error: VigieError) -> None:
        """Answers if no answer has begun, and closes."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or self._in_head:
            token = REQUEST_ID.set(uuid4().hex)
            body: bytes = self.config.app.render_error(error)  # type: ignore[union-attr]
            REQUEST_ID.reset(token)
            head = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\nConnection: close\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()
