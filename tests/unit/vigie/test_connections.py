"""Clients that are slow, or send heads without end, over real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

import httpx
import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from tests.support.servers import answers, wait_for
from tests.support.services import nothing, ready
from tests.support.uvicorn_thread import UvicornThread
from vigie.connections import HEAD_BYTES, GuardedProtocol, end_with_client
from vigie.web import service_app

PATIENCE = 0.5
ENOUGH = 10.0  # of which a test does not wait for the end
BODY_LIMIT = 1024 * 1024
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /sizes HTTP/1.1\r\nHost: x\r\nX-Request-ID: r1\r\nContent-Type: application/json\r\n"
HELD, CUT_OFF = Event(), Event()


class Patient(GuardedProtocol):
    """The same, with more time than a slow machine needs."""

    request_seconds = ENOUGH
    drain_seconds = ENOUGH


class Impatient(Patient):
    """Soon loses patience with who does not send, or read."""

    request_seconds = PATIENCE


class Curt(Patient):
    """Soon hangs up on whom it has refused."""

    drain_seconds = PATIENCE


class Lingering(GuardedProtocol):
    """The same, with more time than a slow machine needs to say something on a connection that it has."""

    linger_seconds = 5.0


async def endless() -> AsyncIterator[bytes]:
    """More than any buffer takes; tells when nobody wants it any more."""
    try:
        while True:
            yield b"a" * 65536
            await asyncio.sleep(0)
    finally:
        CUT_OFF.set()


@contextmanager
def serving(protocol: type[GuardedProtocol]) -> Iterator[int]:
    """Where a service listens."""
    app = service_app("example", lifespan=nothing, readiness=ready, body_limit=BODY_LIMIT)

    @app.post("/sizes")
    async def size(body: list[int]) -> int:
        return len(body)

    @app.get("/endless")
    async def without_end() -> StreamingResponse:
        return StreamingResponse(endless())

    @app.post("/names")
    async def names(request: Request) -> list[str]:
        await request.body()
        return request.headers.keys()

    @app.get("/held")
    async def hold(request: Request) -> None:
        end_with_client(request.scope)
        HELD.set()
        try:
            await asyncio.Event().wait()
        finally:
            CUT_OFF.set()

    server = UvicornThread(app, protocol)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a service listens."""
    with serving(Patient) as found:
        yield found


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    """Where one listens that loses patience soon."""
    with serving(Impatient) as found:
        yield found


def said(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    client.settimeout(ENOUGH)
    return b"".join(iter(lambda: client.recv(65536), b""))


def answer_of(client: socket.socket) -> bytes:
    """One answer of `/healthz`; the connection stays."""
    client.settimeout(ENOUGH)
    answer = b""
    while not answer.endswith(b"}"):
        answer += client.recv(65536)
    return answer


def error_of(answer: bytes, request_id: str = "") -> tuple[str, str]:
    """Status line and code of an error, which has the shape and the headers of every other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert error["request_id"] == (request_id or error["request_id"])
    status, *lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["x-request-id"] == error["request_id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/json"
    return status, error["code"]


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
def test_a_request_that_does_not_arrive_is_cut_off(impatient: int, start: bytes) -> None:
    started = monotonic()
    with socket.create_connection(("127.0.0.1", impatient)) as client:
        client.sendall(start)
        assert error_of(said(client)) == ("http/1.1 408 request timeout", "request_timeout")
        assert PATIENCE * 0.9 <= monotonic() - started < ENOUGH  # the event loop counts whole milliseconds


def test_a_head_that_comes_drop_by_drop_does_not_buy_time(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as client:
        client.settimeout(0.02)
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        deadline, answer = monotonic() + ENOUGH, b""
        while not answer and monotonic() < deadline:
            client.sendall(b"X-Drop: 1\r\n")
            try:
                answer = client.recv(65536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_half_way_is_cut_off(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as client:
        client.sendall(POST + b"Content-Length: 100\r\n\r\n[")
        assert error_of(said(client), "r1") == ("http/1.1 408 request timeout", "request_timeout")


@pytest.mark.parametrize("body", [b"zz\r\n\r\n", b"1\r\n[\r\n-1\r\n", b"1\r\n[xx"], ids=["size", "later", "end"])
def test_a_body_whose_pieces_are_broken_is_a_400(port: int, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        assert error_of(said(client), "r1") == ("http/1.1 400 bad request", "invalid_request")


def test_what_follows_a_request_and_is_none_is_answered_after_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + b"Content-Length: 3\r\n\r\n[1]" + b"GET /healthz HTTP/1.1\r\nBroken\r\n\r\n")
        first, _, second = said(client).partition(b"HTTP/1.1 400")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n1")
    assert error_of(b"HTTP/1.1 400" + second) == ("http/1.1 400 bad request", "invalid_request")


@pytest.mark.parametrize("kept", [b"close", b"keep-alive"])
def test_who_sends_too_much_can_still_read_why_it_was_refused(port: int, kept: bytes) -> None:
    size = 16 * BODY_LIMIT
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + b"Connection: %s\r\nContent-Length: %d\r\n\r\n" % (kept, size))
        for _ in range(size // BODY_LIMIT):
            client.sendall(b"1" * BODY_LIMIT)
        client.settimeout(ENOUGH)
        answer = client.recv(65536)
    assert error_of(answer, "r1")[0].startswith("http/1.1 413 ")


def test_nobody_may_go_on_talking_after_a_refusal() -> None:
    with serving(Curt) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"no HTTP\r\n\r\n")
        assert error_of(said(client)) == ("http/1.1 400 bad request", "invalid_request")
        deadline, gone = monotonic() + ENOUGH, False
        while not gone and monotonic() < deadline:
            try:
                client.sendall(b"still here")
            except OSError:
                gone = True
    assert gone


def test_who_does_not_read_the_answer_is_cut_off(impatient: int) -> None:
    CUT_OFF.clear()
    with socket.create_connection(("127.0.0.1", impatient)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert CUT_OFF.wait(60)


@pytest.mark.parametrize("at_once", [True, False])
def test_who_hangs_up_with_a_second_request_under_way_ends_the_first(port: int, at_once: bool) -> None:
    HELD.clear()
    CUT_OFF.clear()
    held = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(held + HEALTH if at_once else held)
        assert HELD.wait(60)
        if not at_once:
            client.sendall(HEALTH)
    assert CUT_OFF.wait(ENOUGH)


def test_requests_that_come_in_one_piece_are_answered_in_turn(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        bodies = [json.dumps([1] * size).encode() for size in range(1, 6)]
        posts = [POST + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]
        client.sendall(b"".join(posts) + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        replies = said(client).split(b"HTTP/1.1 200 OK")[1:]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in replies[:-1]] == [b"1", b"2", b"3", b"4", b"5"]
    assert len(replies) == 6


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
def test_an_offer_to_change_the_protocol_is_ignored_and_the_body_is_read(port: int, offer: bytes) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAEAAEAA\r\n" % offer
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + upgrade + b"Content-Length: 5\r\n\r\n[1,2]")
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        first, _, second = said(client).partition(b"\r\n\r\n2")
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.startswith(b"HTTP/1.1 200 OK")


def test_a_proxy_is_not_to_be_found_here(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"CONNECT /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert error_of(said(client)) == ("http/1.1 400 bad request", "invalid_request")


def test_a_connection_that_is_kept_may_be_silent_between_requests(impatient: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{impatient}") as client:
        assert client.get("/healthz").status_code == 200
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", impatient)) as witness:
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
        assert monotonic() - started < ENOUGH - 1


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
    assert error_of(answer) == ("http/1.1 431 request header fields too large", "headers_too_large")
    assert sent < 16 * HEAD_BYTES


def test_a_body_that_comes_with_the_end_of_its_head_is_no_part_of_it(port: int) -> None:
    body = json.dumps([1] * HEAD_BYTES).encode()
    post = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEALTH + post[:20])
        assert answer_of(client).startswith(b"HTTP/1.1 200 OK")  # so the 20 bytes were read too
        client.sendall(post[20:])
        answer = said(client)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n%d" % HEAD_BYTES)


def test_a_body_that_is_compressed_on_its_way_is_not_read_as_if_it_were_plain(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = b"Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        client.sendall(POST + head + b"3\r\n[1]\r\n0\r\n\r\n")
        answer = said(client)
    assert error_of(answer, "r1") == ("http/1.1 415 unsupported media type", "unsupported_media_type")
    assert b"got 'gzip, chunked'" in answer


def test_what_stands_behind_a_body_in_chunks_is_no_header(port: int) -> None:
    post = b"POST /names HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(post + b"3\r\n[1]\r\n0\r\nX-Behind: a\r\n\r\n")
        answer = said(client)
    assert answer.endswith(b'["host","connection","transfer-encoding"]')


@pytest.mark.parametrize(
    "head", [b"X-Long: " + b"a" * HEAD_BYTES, b"\r\n".join(b"X-%d: a" % each for each in range(9000))]
)
def test_a_head_in_one_piece_is_not_too_long_either(port: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
        assert error_of(said(client)) == ("http/1.1 431 request header fields too large", "headers_too_large")


def test_a_refusal_is_counted(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"no HTTP\r\n\r\n")
        said(client)
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'vigie_http_requests_total{method="none",route="unmatched",status="400"}' in metrics


def test_what_is_not_http_gets_the_same_error_shape(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert error_of(said(client)) == ("http/1.1 400 bad request", "invalid_request")


def test_answers_carry_the_safe_headers_no_banner_and_no_allowed_origin(port: int) -> None:
    for path in ("/healthz", "/nowhere"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Origin": "https://evil.example"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"http://127.0.0.1:{port}/healthz", headers=preflight).status_code == 405
