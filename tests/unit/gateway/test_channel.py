"""The gateway's hop to a predictor, against servers on real sockets that do what servers do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from gateway import channel as channels
from gateway.channel import Channel, Lost, NotHttp

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: yes\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n"

Client = Callable[[bytes, asyncio.StreamWriter], Awaitable[object]]


class Server:
    """Reads requests; `answer` writes what comes back. `clients` counts connections, `heads` keeps requests."""

    def __init__(self, answer: Client) -> None:
        self.answer = answer
        self.clients = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.gone = asyncio.Event()
        self.attending: set[asyncio.Task[None]] = set()

    def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes a client in."""
        self.attending.add(asyncio.create_task(self.attend(reader, writer)))

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.clients += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(size))
                await self.answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()


@asynccontextmanager
async def served(answer: Client) -> AsyncIterator[tuple[Server, Channel]]:
    """A server and a channel to it."""
    server = Server(answer)
    listener = await asyncio.start_server(server.greet, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    channel = Channel(f"http://127.0.0.1:{port}/base/")
    try:
        yield server, channel
    finally:
        channel.close()
        listener.close()
        await asyncio.gather(*server.attending)


def saying(answer: bytes) -> Client:
    """Writes the same again and again."""

    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


def soon(seconds: float = 10.0) -> float:
    """A time of the loop's clock."""
    return asyncio.get_running_loop().time() + seconds


async def test_a_request_and_its_answer() -> None:
    async with served(saying(ANSWER)) as (server, channel):
        reply = await channel.ask("POST", "/v2", until=soon(), headers={"X-Asked": "é"}, body=b"body")
    assert reply == (200, {"content-length": "2", "x-said": "yes"}, b"hi")
    assert server.bodies == [b"body"]
    assert server.heads[0].startswith(b"POST /base/v2 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"X-Asked: \xe9\r\n" in server.heads[0]


async def test_an_answer_in_pieces() -> None:
    async def drop_by_drop(_: bytes, writer: asyncio.StreamWriter) -> None:
        for place in range(len(CHUNKED)):
            writer.write(CHUNKED[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0)

    async with served(drop_by_drop) as (_, channel):
        reply = await channel.ask("GET", "", until=soon())
    assert (reply.status, reply.content) == (503, b"not now")


async def test_connections_are_used_again_and_opened_as_needed() -> None:
    async with served(saying(ANSWER)) as (server, channel):
        for _ in range(3):
            await channel.ask("GET", "/", until=soon())
        assert server.clients == 1
        await asyncio.gather(*(channel.ask("GET", "/", until=soon()) for _ in range(4)))
        assert server.clients == 4
        await asyncio.gather(*(channel.ask("GET", "/", until=soon()) for _ in range(4)))
        assert server.clients == 4


async def test_a_server_that_wants_to_close_is_left() -> None:
    async with served(saying(ANSWER.replace(b"X-Said: yes", b"Connection: close"))) as (server, channel):
        for _ in range(2):
            assert (await channel.ask("GET", "/", until=soon())).content == b"hi"
    assert server.clients == 2


async def test_a_connection_that_ends_is_told() -> None:
    async def hang_up(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER[:-1])
        writer.close()

    async with served(hang_up) as (_, channel):
        with pytest.raises(Lost, match="before an answer was there"):
            await channel.ask("GET", "/", until=soon())


async def test_an_idle_connection_that_was_closed_is_lost_once_at_most() -> None:
    async def answer_and_hang_up(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        writer.close()

    async with served(answer_and_hang_up) as (server, channel):
        await channel.ask("GET", "/", until=soon())
        with suppress(Lost):  # it may not have heard of it yet
            await channel.ask("GET", "/", until=soon())
        assert (await channel.ask("GET", "/", until=soon())).content == b"hi"
    assert server.clients > 1


async def test_nobody_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        await Channel("http://127.0.0.1:9").ask("GET", "/", until=soon())


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n"])
async def test_something_else_than_http(answer: bytes) -> None:
    async with served(saying(answer)) as (_, channel):
        with pytest.raises(NotHttp, match=r"expected an answer in HTTP/1\.1, got"):
            await channel.ask("GET", "/", until=soon())


async def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_MOST_BYTES", 100)
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + 101 * b"x"
    async with served(saying(large)) as (_, channel):
        with pytest.raises(NotHttp, match="at most 100 bytes, got more"):
            await channel.ask("GET", "/", until=soon())


async def test_the_deadline_ends_a_call_and_its_connection() -> None:
    async def say_nothing(_: bytes, writer: asyncio.StreamWriter) -> None: ...

    async with served(say_nothing) as (server, channel):
        with pytest.raises(TimeoutError):
            await channel.ask("GET", "/", until=soon(0.05))
        async with asyncio.timeout(10):
            await server.gone.wait()


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    async with served(saying(ANSWER + ANSWER.replace(b"hi", b"no"))) as (server, channel):
        assert (await channel.ask("GET", "/", until=soon())).content == b"hi"
        async with asyncio.timeout(10):
            await server.gone.wait()
        assert (await channel.ask("GET", "/", until=soon())).content == b"hi"
    assert server.clients == 2


@pytest.mark.parametrize("url", ["ftp://host", "host:8000", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="expected http://host:port, got"):
        Channel(url)
