"""A Service of Kubernetes on the loopback: one address that stays, in front of pods that come and go."""

import asyncio
import itertools
import threading
from contextlib import suppress
from typing import Self

from tests.support.servers import free_port


class Relay:
    """Hands each new connection to the next of `endpoints` (ports); one that is made stays where it is."""

    def __init__(self) -> None:
        self.endpoints: tuple[int, ...] = ()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._turns = itertools.count()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="relay")

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._connected, "127.0.0.1", self.port):
            self._started.set()
            await self._stop.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        endpoints = self.endpoints
        try:
            pod = await asyncio.open_connection("127.0.0.1", endpoints[next(self._turns) % len(endpoints)])
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, pod[1]), _copy(pod[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
