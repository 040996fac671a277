"""The shadow's lane: copies of answered tweets, for a version that nobody hears; what it has no time for is dropped."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from gateway.predictors import PredictorClient, Verdict
from gateway.trial_answers import Said, said_of

WAITING_AT_MOST = 256
TOGETHER = 32
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Copy:
    """A tweet that was answered, and what the champion said of it."""

    prediction_id: str
    text: str
    champion: Verdict


Note = Callable[[Sequence[Copy], Said, str], None]
"""Takes what a version on trial said of some copies, and the number that it had when it was asked."""


class ShadowLane:
    """One family's; asks for a few tweets at a time and never waits in anybody's way."""

    def __init__(self, client: PredictorClient, version: Callable[[], str], note: Note) -> None:
        self._client = client
        self._version = version
        self._note = note
        self._waiting: deque[Copy] = deque()
        self._something = asyncio.Event()
        self._room = WAITING_AT_MOST

    def put(self, copies: Sequence[Copy]) -> None:
        """Takes what there is room for; never waits."""
        room = max(0, self._room - len(self._waiting))
        self._waiting.extend(copies[:room])
        if copies[room:]:
            self._note(copies[room:], None, self._version())
        self._something.set()

    async def run(self) -> None:
        """Asks until cancelled; from then on what waits, is asked about or still comes is dropped."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    copies = list(islice(self._waiting, TOGETHER))
                    version = self._version()
                    said = await self._ask([copy.text for copy in copies])
                    for _ in copies:
                        self._waiting.popleft()
                    self._note(copies, said, version)
        finally:
            self._room = 0
            self._note(list(self._waiting), None, self._version())
            self._waiting.clear()

    async def _ask(self, texts: list[str]) -> Said:
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        return await said_of(partial(self._client.infer_many, texts, until))
