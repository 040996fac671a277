"""Records spans with OpenTelemetry. Imported only where tracing is on: see `vigie.tracing`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vigie.tracing import Attributes, Headers, Kind

EXPORT_SECONDS = 5.0

_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}
_PROPAGATOR = TraceContextTextMapPropagator()


class Telemetry:
    """A `vigie.tracing.Tracer`. Spans gather in memory and leave in a thread of their own; a receiver that is away
    costs the spans and nothing else.
    """

    def __init__(self, service: str, exporter: SpanExporter, share: float) -> None:
        resource = Resource.create({"service.name": service, "service.namespace": "vigie"})
        sampler = ParentBased(TraceIdRatioBased(share))
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("vigie")

    @contextmanager
    def span(self, name: str, kind: Kind, contexts: Iterable[Headers] | None, attributes: Attributes) -> Iterator[None]:
        """See `vigie.tracing.span`. Of an exception only the type is told: its message may quote a tweet."""
        parent, links = (None, []) if contexts is None else _family(contexts)
        options = {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(name, parent, _KINDS[kind], attributes, links, **options) as span:
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def headers(self) -> dict[str, str]:
        """See `vigie.tracing.headers`."""
        found: dict[str, str] = {}
        _PROPAGATOR.inject(found)
        return found

    def describe(self, name: str | None, failure: str | None, attributes: Attributes) -> None:
        """See `vigie.tracing.describe`."""
        span = trace.get_current_span()
        span.set_attributes(attributes)
        if name:
            span.update_name(name)
        if failure:
            span.set_status(Status(StatusCode.ERROR, failure))

    def stop(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def exporting(service: str, endpoint: str, share: float) -> Telemetry:
    """Sends to `endpoint`/v1/traces; OTEL_EXPORTER_OTLP_HEADERS and its siblings are read by the exporter itself."""
    url = f"{endpoint.rstrip('/')}/v1/traces"
    return Telemetry(service, OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS), share)


def _family(contexts: Iterable[Headers]) -> tuple[Context, list[Link]]:
    """The context to be part of, and links to the others."""
    spans = [trace.get_current_span(_PROPAGATOR.extract(context, Context())) for context in contexts]
    different = {span.get_span_context().span_id: span for span in spans if span.get_span_context().is_valid}
    if not different:
        return Context(), []
    first, *others = different.values()
    return trace.set_span_in_context(first, Context()), [Link(other.get_span_context()) for other in others]
