"""Tasks that come back."""

import asyncio
import logging

import pytest
from prometheus_client import REGISTRY

from vigie import supervision
from vigie.supervision import Supervised


async def test_a_crashed_task_is_logged_and_comes_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.01)
    runs: list[bool] = []
    second = asyncio.Event()

    async def work() -> None:
        runs.append(task.alive)
        if len(runs) == 1:
            raise RuntimeError("boom")
        second.set()
        await asyncio.Event().wait()

    task = Supervised("worker", work)
    assert not task.alive
    with caplog.at_level(logging.ERROR):
        task.start()
        async with asyncio.timeout(5):
            await second.wait()
    assert task.alive
    assert runs == [True, True]
    assert "a background task crashed" in caplog.text
    await task.stop()
    assert not task.alive


async def test_a_stopped_task_may_finish_what_it_does() -> None:
    go, done = asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        done.append(True)

    task = Supervised("worker", work)
    task.start()
    await asyncio.sleep(0)
    go.set()
    await task.stop(grace_seconds=5)
    assert done == [True]


async def test_a_task_that_was_never_started_can_be_stopped() -> None:
    async def work() -> None:
        raise AssertionError

    await Supervised("worker", work).stop()


async def test_crashes_are_counted_from_zero_before_the_first() -> None:
    async def work() -> None:
        raise AssertionError

    Supervised("never crashed", work)
    assert REGISTRY.get_sample_value("vigie_task_restarts_total", {"task": "never crashed"}) == 0
