"""Spans, their contexts, and what they cost where nobody wants them."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.support.otlp import Receiver
from vigie import tracing
from vigie.logs import JsonFormatter
from vigie.schemas import Readiness
from vigie.settings import TracedSettings
from vigie.telemetry import Telemetry
from vigie.web import ServiceApp, service_app

TRACE = "0af7651916cd43dd8448eb211c80319c"
CONTEXT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": "vendor=1"}
OTHER = {"traceparent": "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}


class Recorded:
    """What was recorded in this process; `spans` ends the recording."""

    def __init__(self, share: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        tracing.use(Telemetry("tested", self._exporter, share))

    def spans(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        tracing.stop()
        return list(self._exporter.get_finished_spans())


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    """Nothing is recorded before and after each test."""
    tracing.use(None)
    yield
    tracing.stop()


def hexadecimal(number: int | None, digits: int = 32) -> str:
    return format(number or 0, f"0{digits}x")


def context_of(span: ReadableSpan) -> Any:
    assert span.context
    return span.context


def test_switched_off_nothing_is_made_and_nothing_sent_along() -> None:
    assert tracing.span("one") is tracing.span("two", contexts=[CONTEXT])
    with tracing.span("one"):
        assert tracing.headers() == {}
        assert tracing.traceparent() is None
        tracing.describe(name="two", failure="none")
    assert not tracing.is_on()


def test_a_service_that_records_nothing_does_not_load_what_records() -> None:
    code = "import sys, gateway.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "vigie.tracing" in loaded
    assert not {"vigie.telemetry", "opentelemetry.sdk.trace", "opentelemetry.exporter"} & set(loaded)


def test_a_span_belongs_to_the_first_context_and_links_to_the_others() -> None:
    recorded = Recorded()
    with tracing.span("batch", kind="client", contexts=[{}, CONTEXT, {"traceparent": "rubbish"}, OTHER, OTHER]):
        sent = tracing.headers()
    (span,) = recorded.spans()
    assert span.parent
    assert hexadecimal(span.parent.trace_id) == TRACE
    assert [hexadecimal(link.context.trace_id) for link in span.links] == ["1" + TRACE[1:]]
    assert sent["traceparent"] == f"00-{TRACE}-{hexadecimal(context_of(span).span_id, 16)}-01"
    assert sent["tracestate"] == "vendor=1"


def test_without_a_context_a_span_is_part_of_what_is_open() -> None:
    recorded = Recorded()
    with tracing.span("outer"), tracing.span("inner", attributes={"texts": 3}):
        pass
    inner, outer = recorded.spans()
    assert inner.parent == outer.context
    assert dict(inner.attributes or {}) == {"texts": 3}


def test_contexts_that_are_none_begin_a_trace_of_their_own() -> None:
    recorded = Recorded()
    with tracing.span("outer"), tracing.span("mail", contexts=tracing.kept([None, None])):
        pass
    mail, outer = recorded.spans()
    assert mail.parent is None
    assert context_of(mail).trace_id != context_of(outer).trace_id


def test_of_an_exception_only_the_type_is_told() -> None:
    recorded = Recorded()
    with pytest.raises(ValueError, match="lost"), tracing.span("call"):
        raise ValueError("lost my bag in Lyon")
    (span,) = recorded.spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert not span.events


def test_the_share_decides_for_traces_that_begin_here_and_the_caller_for_the_others() -> None:
    recorded = Recorded(share=0.0)
    with tracing.span("ours"):
        pass
    with tracing.span("theirs", contexts=[CONTEXT]):
        pass
    assert [span.name for span in recorded.spans()] == ["theirs"]
    recorded = Recorded(share=1.0)
    with tracing.span("not wanted", contexts=[NOT_SAMPLED]):
        pass
    assert recorded.spans() == []


def test_a_log_line_names_the_trace_it_was_written_in() -> None:
    recorded = Recorded()
    with tracing.span("request", contexts=[CONTEXT]):
        line = json.loads(JsonFormatter("gateway").format(logging.makeLogRecord({"msg": "here"})))
    assert line["trace_id"] == TRACE
    assert line["span_id"] == hexadecimal(context_of(recorded.spans()[0]).span_id, 16)


async def test_requests_have_spans_and_probes_have_none() -> None:
    recorded = Recorded()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shell()), base_url="http://service") as client:
        await client.get("/items/3", headers=CONTEXT | {"x-request-id": "r1"})
        await client.get("/readyz")
        await client.get("/broken")
    found, broken = recorded.spans()
    assert found.parent
    assert (found.name, hexadecimal(found.parent.trace_id)) == ("GET /items/{number}", TRACE)
    assert dict(found.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/items/{number}",
        "http.response.status_code": 200,
        "vigie.request_id": "r1",
    }
    assert (broken.name, broken.status.status_code) == ("GET /broken", StatusCode.ERROR)


def test_spans_reach_a_receiver_and_stopping_sends_what_is_left() -> None:
    with Receiver() as receiver:
        tracing.start("tested", endpoint=f"{receiver.url}/", share=1.0)
        with tracing.span("call", contexts=[CONTEXT]):
            pass
        tracing.stop()
        assert [(span.service, span.name, span.trace) for span in receiver.spans] == [("tested", "call", TRACE)]


@pytest.mark.parametrize("wrong", ["collector:4318", "grpc://collector:4317", "http://"])
def test_an_endpoint_that_is_no_url_stops_the_start(wrong: str) -> None:
    with pytest.raises(SystemExit, match="OTEL_EXPORTER_OTLP_ENDPOINT: expected the URL of an OTLP receiver"):
        TracedSettings.read(otel_exporter_otlp_endpoint=wrong)


def shell() -> ServiceApp:
    """A service with a route that works and one that does not."""

    async def ready() -> Readiness:
        return Readiness(ready=True, dependencies={})

    app = service_app("tested", lifespan=None, readiness=ready)  # type: ignore[arg-type]

    @app.get("/items/{number}")
    async def item(number: int) -> int:
        return number

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    return app
