"""Spans and W3C trace context (https://www.w3.org/TR/trace-context/); off, and nearly free, until `start` is called.

A context travels as headers of HTTP requests, and as `traceparent` in messages whose effects come later. What is done
for several requests at once belongs to the trace of the first and links to the others.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Literal, Protocol

Headers = Mapping[str, str]
Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["internal", "server", "client", "consumer"]

HEADERS = ("traceparent", "tracestate")
NOWHERE: Headers = {}

_OFF: AbstractContextManager[None] = nullcontext()


class Tracer(Protocol):
    """What records spans; see `vigie.telemetry`. `contexts` is None for the span that is open now."""

    def span(
        self, name: str, kind: Kind, contexts: Iterable[Headers] | None, attributes: Attributes
    ) -> AbstractContextManager[None]: ...

    def headers(self) -> dict[str, str]: ...

    def describe(self, name: str | None, failure: str | None, attributes: Attributes) -> None: ...

    def stop(self) -> None: ...


class _Process:
    tracer: Tracer | None = None


def start(service: str, *, endpoint: str, share: float) -> None:
    """Sends spans to the OTLP receiver (HTTP) at `endpoint`, of that share of the traces that begin here."""
    use(import_module("vigie.telemetry").exporting(service, endpoint, share))


def use(tracer: Tracer | None) -> None:
    """Makes this the recorder of the process, in the place of the one before."""
    _Process.tracer = tracer


def stop() -> None:
    """Sends what is left; off from now on."""
    tracer, _Process.tracer = _Process.tracer, None
    if tracer:
        tracer.stop()


def is_on() -> bool:
    """Whether anything is recorded."""
    return _Process.tracer is not None


def span(
    name: str, *, kind: Kind = "internal", contexts: Iterable[Headers] | None = None, attributes: Attributes = NOWHERE
) -> AbstractContextManager[None]:
    """Something that takes time. It is part of what is open now or, with `contexts`, of the first that is one."""
    tracer = _Process.tracer
    return _OFF if tracer is None else tracer.span(name, kind, contexts, attributes)


def headers() -> Headers:
    """The context of what is open now, to be sent along with a request."""
    tracer = _Process.tracer
    return NOWHERE if tracer is None else tracer.headers()


def traceparent() -> str | None:
    """The context of what is open now, to be kept with something whose effects come later."""
    return headers().get("traceparent")


def kept(traceparents: Iterable[str | None]) -> list[Headers]:
    """Contexts that were kept, as `span` wants them."""
    return [{"traceparent": kept} for kept in traceparents if kept]


def describe(*, name: str | None = None, failure: str | None = None, attributes: Attributes = NOWHERE) -> None:
    """Says more about what is open now."""
    tracer = _Process.tracer
    if tracer is not None:
        tracer.describe(name, failure, attributes)
