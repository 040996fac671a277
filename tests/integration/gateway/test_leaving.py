"""A client that hangs up takes its tweets out of the gateway's queue, and a batch out of the predictor too."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.app import create_app
from gateway.breaker import FAILURES_IN_A_ROW
from gateway.predictors import BULK_CALLS
from gateway.settings import GatewaySettings
from tests.support.peers import FakePredictor
from tests.support.servers import wait_for
from tests.support.uvicorn_thread import UvicornThread


def hang_up_after(port: int, path: str, body: dict[str, object], metrics: str, line: str) -> None:
    """Asks, waits until the metrics have that line, and goes."""
    content = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: g\r\nContent-Length: {len(content)}\r\n\r\n"
        client.sendall(head.encode() + content)
        wait_for(lambda: line in httpx.get(metrics, timeout=60).text, what=line)


def test_a_tweet_whose_client_hung_up_is_not_sent_to_a_predictor(
    settings: GatewaySettings, predictor: FakePredictor
) -> None:
    predictor.held = True
    server = UvicornThread(create_app(settings.model_copy(update={"batch_size": 1, "predict_timeout_seconds": 60})))
    url = server.start()
    waits = 'vigie_upstream_queue_texts{model="logreg"} '
    try:
        with ThreadPoolExecutor(2) as pool:
            busy = [
                pool.submit(httpx.post, f"{url}/predict", json={"text": f"busy {each}"}, timeout=60) for each in "ab"
            ]
            wait_for(lambda: len(predictor.calls) == 2, what="two calls to the predictor")
            hang_up_after(server.port, "/predict", {"text": "gone"}, f"{url}/metrics", f"{waits}1.0")
            wait_for(lambda: f"{waits}0.0" in httpx.get(f"{url}/metrics", timeout=60).text, what="an empty queue")
            predictor.held = False
            assert [each.result().status_code for each in busy] == [200, 200]
        assert httpx.post(f"{url}/predict", json={"text": "later"}, timeout=60).status_code == 200
    finally:
        server.stop()
    assert sorted(text for call in predictor.calls for text in call) == ["busy a", "busy b", "later"]


@pytest.mark.parametrize("explain", [False, True])
def test_a_batch_whose_client_hung_up_keeps_no_predictor_busy_and_counts_against_nobody(
    settings: GatewaySettings, predictor: FakePredictor, explain: bool
) -> None:
    predictor.held = True
    server = UvicornThread(create_app(settings.model_copy(update={"predict_timeout_seconds": 600})))
    url = server.start()
    try:
        for each in range(max(FAILURES_IN_A_ROW, BULK_CALLS) + 1):
            body = json.dumps({"texts": [f"gone {each}"], "explain": explain}).encode()
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                head = f"POST /predict/batch HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(head.encode() + body)
                wait_for(lambda: len(predictor.calls) > predictor.left, what="a call to the predictor")
            wait_for(lambda: predictor.left == len(predictor.calls), what="the end of that call")
        predictor.held = False
        reply = httpx.post(f"{url}/predict/batch", json={"texts": ["later"]}, timeout=60)
        assert (reply.status_code, reply.json()["predictions"][0]["degraded"]) == (200, False)
    finally:
        predictor.held = False
        server.stop()
