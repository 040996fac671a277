"""Waiting for what knows nothing of the event loop that waits."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.servers import wait_for


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Polls until it holds; raises `TimeoutError` when it does not by then."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)


async def until(condition: Callable[[], object], *, what: str = "the condition") -> None:
    """`wait_for` in a thread, so that the event loop goes on: for conditions that block."""
    await asyncio.to_thread(wait_for, condition, what=what)
