"""Uvicorn's HTTP protocol with the limits that it lacks, and with an end to the work for a client that hung up."""

from asyncio import TimerHandle, Transport, current_task
from collections import deque
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from vigie.errors import HeadersTooLarge, InvalidRequest, RequestTimeout, VigieError

REQUEST_SECONDS = 30.0
DRAIN_SECONDS = 5.0
LINGER_SECONDS = 0.5
HEAD_BYTES = 32 * 1024
BROKEN = "vigie.broken"

Headers = tuple[tuple[bytes, bytes], ...]

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
    """Cuts off clients that say nothing, send drop by drop, send a head without end, or do not read their answer.

    A request must be there `request_seconds` after its first byte, the first one that long after the connection; of an
    answer, something must be read in that time. A head has `HEAD_BYTES` at most. Timers are only started for what does
    not come, or go, in one piece.

    What breaks off in its body is answered by the application, which finds the error in its scope under `BROKEN` and
    is woken up; anything else as `refusal` says. Nobody is hung up on before the answer can be read: what still
    comes is thrown away for `DRAIN_SECONDS`. Offers to change the protocol (`Upgrade`) are not taken up.

    A server that ends hangs up on nobody who is about to speak: a connection that is idle then stays for
    `LINGER_SECONDS`, and whatever is answered says that it was the last answer.

    `application_answers` is false for an application that knows nothing of `BROKEN`.
    """

    application_answers = True
    request_seconds = REQUEST_SECONDS
    drain_seconds = DRAIN_SECONDS
    linger_seconds = LINGER_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = False
        self._in_head = False
        self._deaf = False
        self._ending = False
        self._head_bytes = 0
        self._unfinished: deque[RequestResponseCycle] = deque()
        self._wrong: VigieError | None = None
        self._timer: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    def refusal(self, error: VigieError) -> tuple[Headers, bytes]:
        """Headers and body of the answer to what never became a request."""
        answer: tuple[Headers, bytes] = self.config.app.refusal(error)  # type: ignore[union-attr]
        return answer

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Asyncio's hook."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.request_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's hook."""
        self._stop_timer()
        self._stop_waiting_for_reader()
        for cycle in self._unfinished:
            _end(cycle)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Asyncio's hook: the client has not read what was sent."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.request_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Asyncio's hook."""
        self._stop_waiting_for_reader()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Asyncio's hook."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._head_bytes += len(data)
        self._feed(data)
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(_head_too_large())
        if self._deaf:
            return
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

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's hook. What stands behind a body in chunks is dropped: nobody reads it, and it has no end."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The parser's hook; what it raises ends the parsing."""
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._wrong = _head_too_large()
            raise self._wrong
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._wrong = InvalidRequest("expected a request, got CONNECT, which is for proxies")
                raise self._wrong
            return  # see `_stay_with_http`
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()
        self._unfinished.append(self.cycle)
        if len(self.pipeline) == 1:
            self.flow.resume_reading()  # or nobody hears when the client hangs up
        if self._ending:
            self.cycle.keep_alive = False
        if not self.cycle.keep_alive:
            self._close_softly()

    def on_message_complete(self) -> None:
        """The parser's hook."""
        if self._in_head:
            return
        self._arriving = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Uvicorn's hook: when nothing else is owed, what came after it can be refused."""
        super().on_response_complete()
        self._unfinished.popleft()
        if self._wrong is not None and not self._is_answering() and not self.transport.is_closing():
            self._answer(self._wrong)

    def shutdown(self) -> None:
        """Uvicorn's hook, when the server ends."""
        self._ending = True
        if self._is_idle():
            self.loop.call_later(self.linger_seconds, self._hang_up)
        else:
            super().shutdown()

    def _hang_up(self) -> None:
        if not self._arriving:
            super().shutdown()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._stay_with_http(data[upgrade.args[0] :])
        except HttpParserError:
            self._refuse(self._wrong or InvalidRequest("expected HTTP/1.1, got something else"))

    def _stay_with_http(self, rest: bytes) -> None:
        """Reads the same request again without the offer, after which the parser would take a body for something else.

        Java's client offers HTTP/2 with every request.
        """
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            head += [] if name == b"upgrade" else [name, b": ", value, b"\r\n"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(b"".join([*head, b"\r\n", rest]))

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _is_idle(self) -> bool:
        """Whether bytes came that began no request: empty lines, which also stop the keep-alive timer."""
        return self.cycle is None or self.cycle.response_complete

    def _too_slow(self) -> None:
        self._timer = None
        if self._arriving or self._is_idle():
            self._refuse(RequestTimeout(f"expected the whole request within {self.request_seconds:g} s"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _refuse(self, error: VigieError) -> None:
        """Sees to it that the error is answered once, in its turn; nothing more is read as a request."""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        self._stop_timer()
        if not self._is_answering():
            self._answer(error)
        elif self._in_head:
            self._wrong = error
        elif not self.application_answers and not self.pipeline:
            self._answer_for_application(error)
        else:
            self.cycle.scope[BROKEN] = error  # type: ignore[literal-required]
            self.cycle.keep_alive = False
            self._close_softly()
            self.cycle.message_event.set()
            self._timer = self.loop.call_later(self.request_seconds, self.transport.close)

    def _answer(self, error: VigieError) -> None:
        headers, body = self.refusal(error)
        head = [b"HTTP/1.1 %d %s\r\n" % (error.status, HTTPStatus(error.status).phrase.encode())]
        for name, value in (*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")):
            head += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*head, b"\r\n", body]))
        self._drain()

    def _answer_for_application(self, error: VigieError) -> None:
        begun, self.cycle.disconnected = self.cycle.response_started, True
        self.cycle.message_event.set()
        if begun:
            self.transport.close()
        else:
            self._answer(error)

    def _close_softly(self) -> None:
        self.cycle.transport = _Softly(self.transport, self._close_when_read)

    def _close_when_read(self) -> None:
        if self._arriving and not self.transport.is_closing():
            self._drain()
        else:
            self.transport.close()

    def _drain(self) -> None:
        """Closes when the client does, or after a while: a reset would take the answer away from it."""
        self._deaf = True
        self._stop_timer()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._timer = self.loop.call_later(self.drain_seconds, self.transport.close)


def _end(cycle: RequestResponseCycle) -> None:
    """Tells a request that its client is gone."""
    cycle.disconnected = True
    cycle.message_event.set()
    scope = cast(MutableMapping[str, Any], cycle.scope)
    if (task := scope.get(_TASK)) is not None:
        scope[_LEFT] = True
        task.cancel()


class _Softly(Transport):
    """A transport whose `close` is another one."""

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        super().__init__()
        self.write = transport.write  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.close = close  # type: ignore[method-assign]


def _head_too_large() -> VigieError:
    return HeadersTooLarge(f"expected a head of at most {HEAD_BYTES} bytes, got more")
