"""Whose file is predicted now: a few at once, the others wait in line, and are told of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ui.scoring import Run

LOOK_SECONDS = 0.2


class Turns:
    """`most` files at once, first come, first served."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._line: list[Run] = []

    @asynccontextmanager
    async def taken(self, run: Run) -> AsyncIterator[AsyncIterator[int]]:
        """A place in the line, kept while the block runs: how many must end before its turn comes, told as they do.

        The telling ends when it is its turn, or when it is cancelled.
        """
        self._line.append(run)
        run.under_way = True
        try:
            yield self._before(run)
        finally:
            run.under_way = False
            self._line.remove(run)

    async def _before(self, run: Run) -> AsyncIterator[int]:
        told = 0
        while (before := self._line.index(run) + 1 - self._most) > 0 and not run.cancelled:
            if before != told:
                yield (told := before)
            await asyncio.sleep(LOOK_SECONDS)
