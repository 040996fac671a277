"""The load: single tweets, batches and votes at a steady rate, with minds that change and votes that come twice."""

import asyncio
from collections import deque
from random import Random
from time import monotonic

import httpx

from tests.soak.client import Client
from tests.soak.tally import Tally, Vote

CLIENTS = 16
BATCH_TWEETS = 50
ANNOTATORS = ("ada", "grace", "alan")
VERDICTS = ("correct", "incorrect")
KINDS = {"tweet": 80, "batch": 2, "vote": 12, "another mind": 3, "the same again": 3}
ERROR_SHARE = 0.3
KEPT = 2000


class Driver:
    """Sends `rate` requests a second at the most; what is late is not caught up with.

    `standing` holds every answered vote that no later one of its annotator has replaced.
    """

    def __init__(self, client: Client, tally: Tally, texts: list[str], *, rate: float, chance: Random) -> None:
        self._client = client
        self._tally = tally
        self._texts = texts
        self._chance = chance
        self._step = 1 / rate
        self._next = 0.0
        self._unvoted: deque[str] = deque(maxlen=KEPT)
        self._idle: deque[tuple[str, str]] = deque(maxlen=KEPT)
        self.standing: dict[tuple[str, str], Vote] = {}

    async def run(self, seconds: float) -> None:
        """Returns once every request that was begun is answered or has failed."""
        self._next = monotonic()
        end = self._next + seconds
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._one_client(end))

    async def _one_client(self, end: float) -> None:
        kinds, weights = list(KINDS), list(KINDS.values())
        while (slot := max(self._next, monotonic())) < end:
            self._next = slot + self._step
            await asyncio.sleep(slot - monotonic())
            kind = self._chance.choices(kinds, weights)[0]
            if kind == "vote" and self._unvoted:
                await self._vote((self._unvoted.popleft(), self._chance.choice(ANNOTATORS)), self._a_verdict())
            elif kind in ("another mind", "the same again") and self._idle:
                await self._vote_again(same=kind == "the same again")
            else:
                await self._predict(BATCH_TWEETS if kind == "batch" else 1)

    async def _predict(self, count: int) -> None:
        texts = [f"{self._chance.choice(self._texts)} {self._chance.randrange(10**6)}" for _ in range(count)]
        one = count == 1
        path, body = ("/predict", {"text": texts[0]}) if one else ("/predict/batch", {"texts": texts})
        answered = await self._client.post(path, body)
        if answered:
            content = answered[0].json()
            found = [content] if one else content["predictions"]
            if len(found) != count:
                self._tally.failures.append(f"{path}: expected {count} predictions, got {len(found)}")
            self._unvoted.extend(each["prediction_id"] for each in found)

    async def _vote_again(self, *, same: bool) -> None:
        key = self._idle.popleft()
        verdict = self.standing[key].verdict
        await self._vote(key, verdict if same else VERDICTS[verdict == VERDICTS[0]])

    async def _vote(self, key: tuple[str, str], verdict: str) -> None:
        """Nobody else votes for `key` meanwhile: it is in no queue."""
        prediction_id, annotator = key
        body = {"prediction_id": prediction_id, "annotator": annotator, "verdict": verdict}
        answered = await self._client.post("/feedback", body)
        if answered is None:
            self.standing.pop(key, None)
            return
        reply, asked = answered
        before, now = self.standing.get(key), Vote(prediction_id, annotator, verdict, reply.json()["feedback_id"])
        if not as_promised(reply, before, now, asked):
            self._tally.failures.append(f"/feedback: {reply.status_code} {now} is not what follows {before}")
        self.standing[key] = now
        self._idle.append(key)

    def _a_verdict(self) -> str:
        return VERDICTS[self._chance.random() < ERROR_SHARE]


def as_promised(reply: httpx.Response, before: Vote | None, now: Vote, asked: int) -> bool:
    """201 for a first vote, 200 with the same id for the same again, 200 with a new id for another mind.

    A first vote that was asked for again may have been stored the first time.
    """
    if before is None:
        return reply.status_code == 201 or (reply.status_code == 200 and asked > 1)
    same_id = now.feedback_id == before.feedback_id
    return reply.status_code == 200 and same_id == (now.verdict == before.verdict)
