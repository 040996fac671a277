"""Forgetting an author: in the store, in Redis, in alerts and mails that wait, and so in every export from now on.

What stays is a stub: that there was a prediction, when, by which version, and how people voted on it. Nothing reads the
text any more, but files on disk hold old copies of it until they are rewritten (README).
"""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

from redis.asyncio import Redis
from sqlalchemy import Connection, func, select, update

from feedback.tables import ERASING_LOCK, erased_authors, predictions, subjects
from vigie.alerts import RaisedAlert
from vigie.schemas import Erasure, ErrorState, PredictionEvent
from vigie.store import Store, insert_into, take_turn
from vigie.streams import ALERTS, ERASURES, FEEDBACK, PREDICTIONS, purge

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed. `waiting` entries of streams hold text that a stopped service must read first."""

    erasure: Erasure
    predictions: int
    voted: int
    entries: int
    waiting: int
    alerts: int | None

    def lines(self) -> list[str]:
        """For the person who asked."""
        alerts = "the alerting service has not answered; it will erase when it runs" if self.alerts is None else ""
        return [
            f"erasure {self.erasure.erasure_id} of author {self.erasure.author[:12]}… at {self.erasure.at_ms} ms",
            f"predictions whose text was removed: {self.predictions}, of these voted on: {self.voted}",
            f"entries removed from Redis: {self.entries}; waiting for a service to read them first: {self.waiting}",
            f"alerts and mails rewritten: {alerts or self.alerts}",
            "copies on disk stay until the append-only file of Redis and the files of the database are rewritten,",
            "in backups until these are deleted: how to do so now is in services/feedback/README.md",
        ]


async def erase(store: Store, redis: Redis, author: str, *, now_ms: int) -> Receipt:
    """Erases what the author (a keyed digest) wrote until now; safe to be done again.

    Whose the predictions were is forgotten only when Redis knows of the erasure: until then it can be begun anew.
    """
    predictions_of, voted = await store.write(lambda connection: erase_texts(connection, author, now_ms))
    erasure = Erasure(erasure_id=uuid4().hex, author=author, prediction_ids=predictions_of, at_ms=now_ms)
    await redis.xadd(ERASURES.name, dict(ERASURES.encode([erasure])))  # type: ignore[arg-type]
    await store.write(lambda connection: forget_author(connection, author))
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    removed = 0
    while True:
        answer = await redis.hget(erasure.answer_key, "alerts")
        unpublished = await store.read(lambda connection: _unpublished(connection, predictions_of))
        done, waiting = await _purge(redis, erasure)
        removed += done
        if (answer is not None and not waiting and not unpublished) or asyncio.get_running_loop().time() > deadline:
            alerts = None if answer is None else int(answer)
            return Receipt(erasure, len(predictions_of), voted, removed, waiting + unpublished, alerts)
        await asyncio.sleep(LOOK_SECONDS)


def erase_texts(connection: Connection, author: str, now_ms: int) -> tuple[list[str], int]:
    """Empties the author's texts, makes the states of voted ones wait to be published again, remembers the author.

    What is logged meanwhile waits for this transaction.
    """
    take_turn(connection, ERASING_LOCK)
    mark = insert_into(connection, erased_authors).values(author=author, erased_ms=now_ms)
    connection.execute(mark.on_conflict_do_update(index_elements=["author"], set_={"erased_ms": now_ms}))
    mine = predictions.c.author == author
    found = list(connection.execute(select(predictions.c.prediction_id).where(mine)).scalars())
    voted = subjects.c.prediction_id.in_(select(predictions.c.prediction_id).where(mine))
    change = update(subjects).where(voted).values(revision=subjects.c.revision + 1, changed_ms=now_ms)
    count = connection.execute(change).rowcount
    connection.execute(update(predictions).where(mine).values(text="", request_id="", topic=None))
    return found, count


def forget_author(connection: Connection, author: str) -> None:
    """Leaves out of the stubs whose they were."""
    stubs = (predictions.c.author == author, predictions.c.text == "")
    connection.execute(update(predictions).where(*stubs).values(author=None))


def _unpublished(connection: Connection, prediction_ids: list[str]) -> int:
    """How many states still have to tell the stream that their text is gone."""
    late = subjects.c.published_revision < subjects.c.revision
    found = 0
    for first in range(0, len(prediction_ids), 500):
        mine = subjects.c.prediction_id.in_(prediction_ids[first : first + 500])
        found += connection.execute(select(func.count()).select_from(subjects).where(mine, late)).scalar_one()
    return found


async def _purge(redis: Redis, erasure: Erasure) -> tuple[int, int]:
    def in_log(event: PredictionEvent) -> bool:
        return erasure.covers(event.author, event.created_ms)

    def in_state(state: ErrorState) -> bool:
        return bool(state.text) and erasure.covers(state.author, state.predicted_ms, state.prediction_id)

    def in_alert(alert: RaisedAlert) -> bool:
        told = alert.surge.tweets if alert.surge else []
        by_tweet = any(erasure.covers(tweet.author, tweet.answered_ms) for tweet in told)
        return by_tweet or any(in_state(error.state) for error in alert.errors)

    done = [
        await purge(redis, PREDICTIONS, in_log),
        await purge(redis, FEEDBACK, in_state),
        await purge(redis, ALERTS, in_alert),
    ]
    return sum(removed for removed, _ in done), sum(waiting for _, waiting in done)
