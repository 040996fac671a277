"""Background tasks that come back: a crash is logged and counted, the task restarted after a growing pause."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import Counter

from vigie.tasks import end

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0

RESTARTS = Counter("vigie_task_restarts_total", "Background tasks that crashed.", ["task"])

_LOG = logging.getLogger(__name__)


class Supervised:
    """One task by name. `alive` is false from a crash until it runs again."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self.alive = False
        self._work = work
        self._task: asyncio.Task[None] | None = None
        RESTARTS.labels(name)  # 0 is there before the first crash, or that would be no increase

    def start(self) -> None:
        """Runs the work until it returns or `stop` is called."""
        self._task = asyncio.create_task(self._keep_running(), name=self.name)

    async def stop(self, grace_seconds: float = 0.0) -> None:
        """Cancels the work, after it had `grace_seconds` to return by itself."""
        if self._task is None:
            return
        if grace_seconds:
            await asyncio.wait([self._task], timeout=grace_seconds)
        await end(self._task)

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            self.alive = True
            try:
                await self._work()
                return
            except Exception:
                RESTARTS.labels(self.name).inc()
                _LOG.exception("a background task crashed", extra={"task": self.name})
            finally:
                self.alive = False
            pause = FIRST_PAUSE_SECONDS if clock() - started > STEADY_SECONDS else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def task_states(tasks: Iterable[Supervised]) -> dict[str, str]:
    """Of each task by its name, for readiness: `ok`, or that it is on its way back."""
    return {task.name: "ok" if task.alive else "is being restarted" for task in tasks}
