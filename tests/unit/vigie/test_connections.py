"""Clients that are slow, or send heads without end, over real sockets."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from threading import Thread
from time import monotonic

import httpx
import pytest
from fastapi import FastAPI

from tests.support.servers import answers, wait_for
from tests.support.uvicorn_thread import UvicornThread
from vigie.connections import HEAD_BYTES, GuardedProtocol
from vigie.schemas import Readiness
from vigie.web import service_app

PATIENCE = 0.3
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Impatient(GuardedProtocol):
    """The same, with a test's patience."""

    request_seconds = PATIENCE


class Lingering(GuardedProtocol):
    """The same, with more time than a slow machine needs to say something on a connection that it has."""

    linger_seconds = 5.0


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    """A lifespan in which nothing happens."""
    yield


async def ready() -> Readiness:
    """Always."""
    return Readiness(ready=True, dependencies={})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a service listens that loses patience soon."""
    server = UvicornThread(service_app("example", lifespan=nothing, readiness=ready), Impatient)
    server.start()
    yield server.port
    server.stop()


def said(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    client.settimeout(5)
    return b"".join(iter(lambda: client.recv(65536), b""))


def answer_of(client: socket.socket) -> bytes:
    """One answer of `/healthz`; the connection stays."""
    client.settimeout(5)
    answer = b""
    while not answer.endswith(b"}"):
        answer += client.recv(65536)
    return answer


def error_of(answer: bytes) -> tuple[str, str]:
    """Status line and code of an error."""
    head, _, body = answer.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert len(error["request_id"]) == 32
    return head.split(b"\r\n")[0].decode(), error["code"]


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GE",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"\r\n\r\n",
    ],
    ids=["silent", "in the method", "in a header", "empty lines"],
)
def test_a_request_that_does_not_arrive_is_cut_off(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        started = monotonic()
        client.sendall(start)
        assert error_of(said(client)) == ("HTTP/1.1 408 Request Timeout", "request_timeout")
        assert PATIENCE * 0.9 <= monotonic() - started < 3  # the event loop counts whole milliseconds


def test_a_head_that_comes_drop_by_drop_does_not_buy_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(0.02)
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        deadline, answer = monotonic() + 5, b""
        while not answer and monotonic() < deadline:
            client.sendall(b"X-Drop: 1\r\n")
            try:
                answer = client.recv(65536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_half_way_is_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert b"HTTP/1.1 200" not in said(client)


def test_a_connection_that_is_kept_may_be_silent_between_requests(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/healthz").status_code == 200
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as witness:
                said(witness)  # which takes as long as the server is patient
        assert client.get("/healthz").status_code == 200


def test_a_server_that_ends_still_answers_whoever_was_about_to_speak() -> None:
    server = UvicornThread(service_app("example", lifespan=nothing, readiness=ready), Lingering)
    server.start()
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address) as idle, socket.create_connection(address) as halfway:
        idle.sendall(HEALTH)
        assert b"connection: close" not in answer_of(idle)
        halfway.sendall(HEALTH[:20])
        ending = Thread(target=server.stop)
        ending.start()
        wait_for(lambda: not answers(server.port), what="the end of listening")
        idle.sendall(HEALTH)
        halfway.sendall(HEALTH[20:])
        for client in (idle, halfway):
            last = said(client)
            assert last.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in last
    ending.join()


def test_a_silent_connection_does_not_keep_a_server_from_ending() -> None:
    server = UvicornThread(service_app("example", lifespan=nothing, readiness=ready))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(HEALTH)
        assert answer_of(client)
        started = monotonic()
        server.stop()
        assert said(client) == b""
        assert monotonic() - started < 5


def test_a_head_without_end_is_refused_before_it_is_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(0.005)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
        sent, answer = 0, b""
        while not answer and sent < 1024 * HEAD_BYTES:
            sent += client.send(b"a" * (HEAD_BYTES // 8))
            try:
                answer = client.recv(65536)
            except TimeoutError:
                continue
    assert error_of(answer) == ("HTTP/1.1 431 Request Header Fields Too Large", "headers_too_large")
    assert sent < 16 * HEAD_BYTES


def test_what_is_not_http_gets_the_same_error_shape(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert error_of(said(client)) == ("HTTP/1.1 400 Bad Request", "invalid_request")


def test_answers_carry_the_safe_headers_no_banner_and_no_allowed_origin(port: int) -> None:
    for path in ("/healthz", "/nowhere"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Origin": "https://evil.example"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"http://127.0.0.1:{port}/healthz", headers=preflight).status_code == 405
