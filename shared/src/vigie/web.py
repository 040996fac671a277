"""The HTTP shell of every service: request ids, the single error shape, body limit, metrics, probes.

One pure ASGI layer does what must hold on every path; `service_app` wires it around a FastAPI application.
"""

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import lru_cache
from math import ceil
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie import protocol, tracing
from vigie.announced import check_announced
from vigie.connections import BROKEN, Headers, client_left
from vigie.documentation import documentation
from vigie.errors import BodyTooLarge, NotFound, VigieError
from vigie.head_requests import allowing_head, answer_head
from vigie.logs import REQUEST_ID
from vigie.mistakes import invalid_request
from vigie.schemas import ErrorBody, ErrorDetail, Health, Readiness

BODY_LIMIT = 1024 * 1024
CLIENT_LEFT = 499  # as nginx counts it; nobody is answered

# Nothing here is to be guessed at, or told to other sites. CORS stays closed: no header ever allows an origin.
_SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_UNFRAMED = (b"x-frame-options", b"DENY")

REQUESTS = Counter("vigie_http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "vigie_http_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

_LOG = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready", "/v2/models/{name}"})
_UNTRACED = ("/healthz", "/readyz", "/metrics", "/v2/")
_TRACE_HEADERS = {name.encode() for name in tracing.HEADERS}
_CODES = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}

# FastAPI's own, which would be asked for at every request; what is traced here, `vigie.tracing` traces.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
# Its pages of documentation run code from elsewhere; `vigie.documentation` has one that does not.
_NO_PAGES = {"docs_url": None, "redoc_url": None}

ERRORS = (VigieError, RequestValidationError, HTTPException, Exception)

ErrorRenderer = Callable[[VigieError], bytes]
ReadinessCheck = Callable[[], Awaitable[Readiness]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
DirectHandler = Callable[[Request], Awaitable[Response]]


def error_body(error: VigieError) -> bytes:
    """The error shape of the gateway and of the services behind it."""
    detail = ErrorDetail(code=error.code, message=error.message, request_id=REQUEST_ID.get())
    return ErrorBody(error=detail).model_dump_json().encode()


def service_app(
    title: str,
    *,
    lifespan: Lifespan,
    readiness: ReadinessCheck,
    **options: Any,
) -> "ServiceApp":
    """A FastAPI application with `/healthz`, `/readyz`, `/metrics` and the shell described above.

    `options` go to `ServiceApp`. Errors of any kind, also of unknown paths, leave as its `renderer` shapes them.
    """
    app = ServiceApp(title, lifespan=lifespan, **options)

    async def on_error(request: Request, error: Exception) -> Response:
        response = error_response(as_vigie_error(error), app.renderer(request.scope["path"]))
        response.headers.update(allowing_head(getattr(error, "headers", None)))  # `Allow` of a 405
        return response

    for kind in ERRORS:
        app.add_exception_handler(kind, on_error)

    @app.get("/healthz", tags=["operations"])
    async def healthz() -> Health:
        """The process lives."""
        return Health()

    @app.get("/readyz", tags=["operations"], response_model=Readiness, responses={503: {"model": Readiness}})
    async def readyz() -> JSONResponse:
        """Whether this service can do its work; the body lists each dependency."""
        state = await readiness()
        return JSONResponse(state.model_dump(), status_code=200 if state.ready else 503)

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return app


def as_vigie_error(error: Exception) -> VigieError:
    """Translates what the framework raises; a client's mistake stays a 4xx with a sentence that helps."""
    if isinstance(error, VigieError):
        return error
    if isinstance(error, RequestValidationError):
        return invalid_request(error.errors())
    if isinstance(error.__cause__, VigieError):  # FastAPI wraps what goes wrong while it reads a body
        return error.__cause__
    if isinstance(error, HTTPException):
        translated = VigieError(str(error.detail), code=_CODES.get(error.status_code, "http_error"))
        translated.status = error.status_code
        return translated
    return VigieError("the server failed; the request id finds the log line")


def error_response(error: VigieError, render_error: ErrorRenderer = error_body) -> Response:
    """The answer for an error, with `Retry-After` (whole seconds, rounded up) where it has one."""
    headers = {} if error.retry_after is None else {"Retry-After": str(max(1, ceil(error.retry_after)))}
    return Response(render_error(error), status_code=error.status, media_type="application/json", headers=headers)


class ServiceApp(FastAPI):
    """FastAPI inside a `Shell`; what is in `direct` is answered by the shell itself, past FastAPI's layers.

    A direct handler must be one of the application's documented routes too, so that the documentation stays true.
    Only pages of the origin `framed_by`, none by default, may show it in a frame. `options` go to `FastAPI`.
    """

    def __init__(
        self,
        title: str,
        *,
        lifespan: Lifespan,
        render_error: ErrorRenderer = error_body,
        body_limit: int = BODY_LIMIT,
        framed_by: str = "",
        **options: Any,
    ) -> None:
        options |= {"redirect_slashes": False, "telemetry": _NO_TELEMETRY} | _NO_PAGES
        super().__init__(title=title, lifespan=lifespan, **options)
        if self.openapi_url:
            self.include_router(documentation(title))
        self.direct: dict[tuple[str, str], DirectHandler] = {}
        self.render_error = render_error
        self._body_limit = body_limit
        framing = (b"content-security-policy", f"frame-ancestors 'self' {framed_by}".encode())
        self._headers = (*_SAFE_HEADERS, framing if framed_by else _UNFRAMED)

    def renderer(self, path: str) -> ErrorRenderer:
        """What shapes the errors there: below `/v2` the protocol, elsewhere `render_error`."""
        return protocol.error_body if path == "/v2" or path.startswith("/v2/") else self.render_error

    def openapi(self) -> dict[str, Any]:
        """The document, without the 422 that FastAPI adds: what is malformed is a 400 here."""
        if self.openapi_schema is None:
            for path in super().openapi()["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
        return super().openapi()

    def refusal(self, error: VigieError) -> tuple[Headers, bytes]:
        """The answer to what never became a request (see `GuardedProtocol`), counted and logged like the others."""
        request_id = uuid.uuid4().hex
        token = REQUEST_ID.set(request_id)
        REQUESTS.labels("none", "unmatched", error.status).inc()
        _LOG.info("no request", extra={"status": error.status, "code": error.code})
        body = self.render_error(error)
        REQUEST_ID.reset(token)
        named = ((b"content-type", b"application/json"), (b"x-request-id", request_id.encode()))
        return (*named, *self._headers), body

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's hook: the shell goes around everything else."""
        inner = super().build_middleware_stack()
        return Shell(inner, self, body_limit=self._body_limit, headers=self._headers)


class Shell:
    """Request id, body limit, last-resort 500, metrics and request log, as one ASGI layer."""

    def __init__(
        self,
        app: ASGIApp,
        owner: "ServiceApp",
        *,
        body_limit: int,
        headers: Headers,
    ) -> None:
        self._app = app
        self._owner = owner
        self._direct = owner.direct
        self._body_limit = body_limit
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with _traced(scope):
            await self._watched(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id = _request_id(scope)
        token = REQUEST_ID.set(request_id)
        answer = _Answer(send, ((b"x-request-id", request_id.encode()), *self._headers))
        try:
            check_announced(scope, self._body_limit)
            await self._answer(scope, _Limited(scope, receive, self._body_limit), answer)
        except ClientDisconnect:
            _LOG.info("the client went away before its request was read")
        except asyncio.CancelledError:
            if not client_left(scope):
                raise
            answer.status = CLIENT_LEFT
        except Exception as error:
            await self._fail(scope, receive, answer, error)
        finally:
            _record(scope, answer.status, perf_counter() - started)
            REQUEST_ID.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: "_Answer") -> None:
        if "\0" in scope["path"]:  # no name holds one, and PostgreSQL refuses to look for it
            raise NotFound("nothing has a name with NUL (U+0000)")
        handler = self._direct.get((scope["method"], scope["path"]))
        if handler is None:
            if scope["method"] == "HEAD":
                await answer_head(self._app, scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        scope["app"], scope["vigie.direct"] = self._owner, True
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    async def _fail(self, scope: Scope, receive: Receive, answer: "_Answer", error: Exception) -> None:
        known = as_vigie_error(error)
        if known.status >= 500 and not isinstance(error, VigieError):
            _LOG.exception("unexpected error")
        if answer.status >= 500:
            return
        if answer.status:
            raise error
        await error_response(known, self._owner.renderer(scope["path"]))(scope, receive, answer)


class _Answer:
    """Wraps `send`: remembers the status and adds headers."""

    __slots__ = ("_headers", "_send", "status")

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


class _Limited:
    """Wraps `receive`: raises `BodyTooLarge` as soon as what came is over the limit, and what the connection found."""

    __slots__ = ("_limit", "_receive", "_scope", "_seen")

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._limit = limit
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if BROKEN in self._scope:
            raise self._scope[BROKEN]
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise BodyTooLarge(f"expected a body of at most {self._limit} bytes, got more")
        return message


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


def _traced(scope: Scope) -> AbstractContextManager[None]:
    """The span of a request, part of the trace that its sender says; probes have none."""
    if not tracing.is_on() or (scope["method"] in ("GET", "HEAD") and scope["path"].startswith(_UNTRACED)):
        return nullcontext()
    wanted = {name: value for name, value in scope["headers"] if name in _TRACE_HEADERS}
    context = {name.decode(): value.decode("latin-1") for name, value in wanted.items()}
    return tracing.span(scope["method"], kind="server", contexts=[context])


def _record(scope: Scope, status: int, seconds: float) -> None:
    direct = "vigie.direct" in scope
    route = scope["path"] if direct else getattr(scope.get("route"), "path", "unmatched")
    _counter(scope["method"], route, status).inc()
    _timer(route).observe(seconds)
    if tracing.is_on():
        _describe(scope["method"], route, status)
    quiet = route in _PROBES or (direct and status < 400) or status == 429
    level = logging.DEBUG if quiet else logging.INFO
    if _LOG.isEnabledFor(level):
        path = route if "{token}" in route else scope["path"]  # who has a token may use it
        fields = {"method": scope["method"], "path": path, "status": status, "seconds": round(seconds, 6)}
        _LOG.log(level, "request", extra=fields)


@lru_cache(1024)
def _counter(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, status)


@lru_cache(1024)
def _timer(route: str) -> Histogram:
    return SECONDS.labels(route)


def _describe(method: str, route: str, status: int) -> None:
    said: tracing.Attributes = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "vigie.request_id": REQUEST_ID.get(),
    }
    failure = f"status {status}" if status >= 500 else None
    tracing.describe(name=f"{method} {route}", failure=failure, attributes=said)
