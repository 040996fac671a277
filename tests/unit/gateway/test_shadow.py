"""The shadow's lane in front of a predictor that says nothing."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.predictors import PredictorClient, Verdict
from gateway.shadow import Copy, ShadowLane
from gateway.trial_answers import Said
from vigie.catalogue import SHADOW, find_family
from vigie.tasks import end

COPIES = [Copy(f"p{number}", f"text {number}", Verdict("logreg", "7", 0.9)) for number in range(200)]


def opened(server: asyncio.Server) -> PredictorClient:
    """A client of what listens there."""
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    limits = {"queue_limit": 10, "burst_seconds": 60, "batch_size": 4, "timeout_seconds": 5}
    return PredictorClient(find_family("logreg"), url, **limits, alias=SHADOW)


async def test_what_waits_or_is_asked_about_when_the_lane_ends_and_what_comes_later_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.shadow.PATIENCE_SECONDS", 600)
    asked = asyncio.Event()
    notes: list[tuple[int, Said]] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await reader.read()
        writer.close()

    async with asyncio.timeout(60), await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        client = opened(server)
        lane = ShadowLane(client, lambda: "9", lambda copies, said, _: notes.append((len(copies), said)))
        running = asyncio.create_task(lane.run())
        lane.put(COPIES)
        await asked.wait()
        await end(running)
        assert notes == [(len(COPIES), None)]
        lane.put(COPIES[:3])
        assert sum(number for number, said in notes if said is None) == len(COPIES) + 3
        await client.stop()


async def test_a_failure_is_noted_of_the_version_that_was_asked() -> None:
    serving = ["9"]
    noted = asyncio.Event()
    notes: list[tuple[bool, str]] = []

    async def replaced(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        serving[0] = "10"
        writer.close()

    def note(copies: Sequence[Copy], said: Said, version: str) -> None:
        notes.append((isinstance(said, str), version))
        noted.set()

    async with asyncio.timeout(60), await asyncio.start_server(replaced, "127.0.0.1", 0) as server:
        client = opened(server)
        lane = ShadowLane(client, lambda: serving[0], note)
        running = asyncio.create_task(lane.run())
        lane.put(COPIES[:1])
        await noted.wait()
        await end(running)
        await client.stop()
    assert notes[0] == (True, "9")
