"""A real OTLP receiver: takes spans over HTTP as a collector does, and keeps them."""

from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.peers import Peer


@dataclass(frozen=True)
class Received:
    """A span: identifiers in hexadecimal digits, `parent` empty where it is the first of its trace."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    links: frozenset[str]
    failed: bool
    attributes: dict[str, str]


class Receiver:
    """`with` starts and stops it; `url` is what `OTEL_EXPORTER_OTLP_ENDPOINT` is told."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self._peer = Peer(Starlette(routes=[Route("/v1/traces", self._take, methods=["POST"])]))
        self.url = self._peer.url

    def __enter__(self) -> "Receiver":
        self._peer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.__exit__()

    def of(self, trace: str) -> list[Received]:
        """The spans of one trace, in the order of their arrival."""
        return [span for span in self.spans if span.trace == trace]

    async def _take(self, request: Request) -> Response:
        message = ExportTraceServiceRequest.FromString(await request.body())
        for resource in message.resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                self.spans += [_received(service, span) for span in scope.spans]
        return Response(media_type="application/x-protobuf")


def _received(service: str, span: Span) -> Received:
    return Received(
        service=service,
        name=span.name,
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=frozenset(link.span_id.hex() for link in span.links),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        attributes={one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes},
    )
