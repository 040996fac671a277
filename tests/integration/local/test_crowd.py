"""Many clients that are at the door at the same moment, of a service as it is really served."""

import asyncio
import signal
import sys
from pathlib import Path

from tests.support.servers import ServerProcess, free_port

CLIENTS = 48
AT_MOST = 12
ASK = b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_nobody_waits_at_the_door_while_others_are_answered_again_and_again(tmp_path: Path) -> None:
    port = free_port()
    service = ServerProcess([sys.executable, "-m", "tests.support.crowded", str(port)], port=port, log=tmp_path / "log")
    service.start()
    assert service.process is not None
    answers = dict.fromkeys(range(CLIENTS), 0)

    async def keep_asking(client: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not all(answers.values()):
            writer.write(ASK)
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"}")
            answers[client] += 1
        writer.close()

    try:
        async with asyncio.timeout(60):
            service.process.send_signal(signal.SIGSTOP)
            waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in answers]
            asking = [asyncio.create_task(keep_asking(client, *waiting[client])) for client in answers]
            await asyncio.sleep(0)  # so that all have asked
            service.process.send_signal(signal.SIGCONT)
            await asyncio.gather(*asking)
    finally:
        service.stop()
    assert max(answers.values()) <= AT_MOST, answers
