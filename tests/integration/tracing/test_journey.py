"""Traces of the whole system, as `make run` starts it, at a receiver as they leave the processes."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.otlp import Received, Receiver
from tests.support.servers import wait_for
from tests.support.system import LocalSystem

pytestmark = pytest.mark.timeout(300)

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-ID": "journey-1"}
SECRET_WORDS = "purple suitcases in Lyon"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where the system of this module sends its spans."""
    with Receiver() as found:
        yield found


@pytest.fixture(scope="module")
def system(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """One that records everything."""
    home = tmp_path_factory.mktemp("traced")
    running = LocalSystem(home, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_BSP_SCHEDULE_DELAY="200")
    try:
        running.start()
        yield running
    finally:
        running.stop()


def arrived(receiver: Receiver, *wanted: tuple[str, str]) -> dict[tuple[str, str], Received]:
    """Spans of the trace by service and name, once the wanted ones are there."""

    def found() -> dict[tuple[str, str], Received]:
        return {(span.service, span.name): span for span in receiver.of(TRACE)}

    wait_for(lambda: set(wanted) <= set(found()), what=f"spans {wanted}")
    return found()


def test_a_trace_goes_from_the_caller_through_the_gateway_into_the_predictor(
    system: LocalSystem, receiver: Receiver
) -> None:
    answer = httpx.post(f"{system.url}/predict", json={"text": SECRET_WORDS}, headers=HEADERS, timeout=30)
    assert answer.status_code == 200
    asked, called = ("gateway", "POST /predict"), ("gateway", "call predictor-logreg")
    served, computed = ("predictor-logreg", "POST /v2/models/logreg/infer"), ("predictor-logreg", "compute")
    spans = arrived(receiver, asked, called, served, computed)
    assert spans[asked].parent == CALLER
    assert spans[called].parent == spans[asked].span
    assert spans[served].parent == spans[called].span
    assert spans[computed].parent == spans[served].span
    assert {spans[name].attributes["vigie.request_id"] for name in (asked, served)} == {"journey-1"}
    assert spans[asked].attributes["http.response.status_code"] == "200"


def test_three_votes_are_followed_to_the_mail(system: LocalSystem, receiver: Receiver) -> None:
    texts = [f"{SECRET_WORDS} {number}" for number in range(3)]
    batch = httpx.post(f"{system.url}/predict/batch", json={"texts": texts}, timeout=30).json()["predictions"]
    for prediction in batch:
        vote = {"prediction_id": prediction["prediction_id"], "verdict": "incorrect"}
        assert httpx.post(f"{system.url}/feedback", json=vote, headers=HEADERS, timeout=30).status_code == 201
    voted, judged, mailed = ("feedback", "POST /feedback"), ("alerting", "judge"), ("alerting", "mail")
    spans = arrived(receiver, ("gateway", "call feedback"), voted, judged, ("alerting", "alert"), mailed)

    def votes_of_trace() -> list[Received]:
        return [span for span in receiver.of(TRACE) if (span.service, span.name) == voted]

    wait_for(lambda: len(votes_of_trace()) >= 3, what="a span of each vote")
    votes, mail = votes_of_trace(), spans[mailed]
    assert len(votes) == 3
    assert {mail.parent, *mail.links} == {vote.span for vote in votes}
    assert spans[judged].parent in {vote.span for vote in votes}
    assert mail.attributes["vigie.alert"] == spans["alerting", "alert"].attributes["vigie.alert"]
    assert not mail.failed


def test_no_span_holds_words_of_a_tweet_and_probes_have_none(system: LocalSystem, receiver: Receiver) -> None:
    assert httpx.get(f"{system.url}/readyz", timeout=30).status_code == 200
    refused = httpx.post(f"{system.url}/predict", json={"text": "", "model": "none"}, headers=HEADERS, timeout=30)
    assert refused.status_code == 400
    wait_for(lambda: any(span.attributes.get("http.response.status_code") == "400" for span in receiver.spans))
    assert not any("purple" in str(span) for span in receiver.spans)
    assert not any(span.name.endswith(("/readyz", "/healthz", "/metrics")) for span in receiver.spans)


def test_log_lines_name_the_trace(system: LocalSystem) -> None:
    def services() -> set[str]:
        texts = [log.read_text("utf-8") for log in system.home.rglob("*.log")]
        whole = [line for text in texts for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
        return {line["service"] for line in map(json.loads, whole) if line.get("trace_id") == TRACE}

    wait_for(lambda: services() >= {"gateway", "feedback", "alerting"}, what="lines of all three")
