"""Ending background tasks."""

import asyncio
from typing import Any

PATIENCE_SECONDS = 1.0


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancels a task and waits for its end, whatever that is; asks again when a library swallowed the cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)
