"""The challenger's part of a request: it answers some of the texts while the champion answers all of them.

Its answers then count. Where it fails the champion's do, so that no client goes without one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

from gateway.predictors import Answer, PredictorClient
from gateway.trial_answers import Said, said_of
from vigie.text import normalise

PATIENCE_SECONDS = 1.0

Ask = Callable[[PredictorClient, list[str], float], Awaitable[Answer]]
"""Asks a predictor about texts until a time of the event loop's clock."""


class Share:
    """A share of all texts, always the same: by a hash of what a model sees of a text, so that retweets go together."""

    def __init__(self, percent: float, family: str) -> None:
        self._limit = percent / 100 * 2**32
        self._family = family.encode()

    def __contains__(self, text: str) -> bool:
        digest = blake2b(normalise(text).encode(), digest_size=4, person=self._family[:16]).digest()
        return int.from_bytes(digest, "big") < self._limit


class Challenge:
    """Runs from when it is made; `rows` are the texts that are the challenger's to answer, `version` is its number."""

    def __init__(self, version: str, rows: Sequence[int], asking: Callable[[], Awaitable[Answer]]) -> None:
        self.version = version
        self.rows = rows
        self._task = asyncio.create_task(said_of(asking))

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self._task.cancel()

    async def outcome(self) -> Said:
        """Once the champion's verdicts are there."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._task
        except TimeoutError:
            return f"did not answer within {PATIENCE_SECONDS:g} s after the champion"
