"""A client that hangs up takes its texts out of the predictor's queue."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from tests.support.models import FakeRegistry, make_tiny
from tests.support.servers import wait_for
from tests.support.uvicorn_thread import UvicornThread
from tests.unit.vigie.serving.test_app import BUSY, GATE, INFER, GatedPredictor
from vigie.inference import InferenceRequest
from vigie.serving.app import predictor_app
from vigie.serving.settings import PredictorSettings


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a predictor that serves version 1."""
    registry = FakeRegistry()
    registry.publish(make_tiny(tmp_path / "made"))
    GATE.clear()
    BUSY.clear()
    told = PredictorSettings.read(vigie_home=tmp_path / "home", model_poll_seconds=0.05)
    server = UvicornThread(predictor_app("logreg", GatedPredictor, told, registry=registry))
    url = server.start()
    wait_for(lambda: httpx.get(f"{url}/v2/health/ready").status_code == 200, what="readiness")
    yield server.port
    GATE.set()
    server.stop()


def waiting() -> float | None:
    return REGISTRY.get_sample_value("vigie_queue_texts", {"model": "logreg"})


def message(*texts: str) -> bytes:
    return InferenceRequest.of(list(texts)).model_dump_json().encode()


@pytest.mark.parametrize("path", [INFER, "/v2/models/logreg/versions/1/infer"])
def test_what_a_client_that_hung_up_asked_for_is_not_computed(port: int, path: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        blocker = pool.submit(httpx.post, f"http://127.0.0.1:{port}{INFER}", content=message("wait"), timeout=60)
        wait_for(BUSY.is_set, what="the first batch")
        body = message("a", "b", "c")
        with socket.create_connection(("127.0.0.1", port)) as client:
            head = f"POST {path} HTTP/1.1\r\nHost: p\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            wait_for(lambda: waiting() == 3, what="three texts in the queue")
        wait_for(lambda: waiting() == 0, what="an empty queue")
        assert not blocker.done()
        GATE.set()
        assert blocker.result().status_code == 200
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'status="499"' in metrics
