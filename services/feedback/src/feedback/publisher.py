"""From the store to the Redis stream: what the votes on a prediction mean now, after every change.

The store is the truth. A subject whose revision is ahead of what was published is published; a lost Redis, a killed
process or a failed write only delays that. When Redis has lost its data (its marker is gone), or came back with older
data (it knows fewer publications than the store), everything of the last day is published again: readers go by
revision, so nothing counts twice. Of several replicas one publishes at a time, or the two numbers would part.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Connection, func, select, update

from feedback.tables import predictions, publications, subjects, votes
from vigie.durations import DAY_MS
from vigie.schemas import ErrorState, Verdict
from vigie.store import Store, insert_into
from vigie.streams import FEEDBACK

MARKER = "feedback:epoch"
NUMBER = f"feedback:{{{FEEDBACK.name}}}:published"
REPUBLISH_MS = DAY_MS
TEXT_PATIENCE_SECONDS = 0.25
YOUNG_PREDICTION_MS = 2_000
RECONCILE_SECONDS = 1.0
AWAY_MS = 2_500
LOG_RETURNS_MS = 15_000  # more than the pauses of those who write the log and of those who read it
ENTRY_STATES = 200

_ADVISORY_LOCK = 7_310_448_204

PUBLISHED = Counter("vigie_feedback_published_total", "Changes of a prediction's votes that reached the stream.")
PENDING = Gauge("vigie_feedback_outbox_pending", "Predictions whose latest votes wait for the stream.")

_LOG = logging.getLogger(__name__)

Clock = Callable[[], int]


class Publisher:
    """One task; `wake` after every commit makes it look at once, else it looks every second."""

    def __init__(self, store: Store, redis: Redis, *, now_ms: Clock, text_arrived: asyncio.Event) -> None:
        self._store = store
        self._redis = redis
        self._now_ms = now_ms
        self._text_arrived = text_arrived
        self._something = asyncio.Event()
        self._reached_ms = now_ms()
        self._outage = range(0)
        self._number = 0
        self.error: str | None = None

    def wake(self) -> None:
        """Says that something may wait."""
        self._something.set()

    async def run(self) -> None:
        """Publishes until cancelled."""
        while True:
            try:
                async with asyncio.timeout(RECONCILE_SECONDS):
                    await self._something.wait()
            except TimeoutError:
                pass
            self._something.clear()
            try:
                while await self.turn():
                    pass
                self._note(None)
            except (RedisError, OSError) as error:
                self._note(f"{type(error).__name__}: {error}")

    async def turn(self) -> bool:
        """Publishes once, unless another replica does now; whether as much was published as goes at once."""
        async with self._store.alone(_ADVISORY_LOCK) as alone:
            marker, known = await self._look()
            if not alone:
                return False
            await self._restore_after_loss(marker, known)
            return await self._publish_some()

    async def _look(self) -> tuple[bytes | None, int]:
        """The marker, and how many publications Redis knows of."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(MARKER)
            pipe.get(NUMBER)
            marker, known = await pipe.execute()
        self._note_reached()
        return marker, int(known or 0)

    async def _restore_after_loss(self, marker: bytes | None, known: int) -> None:
        self._number = await self._store.read(publication_number)
        if marker is not None and known >= self._number:
            return
        since = self._now_ms() - REPUBLISH_MS
        again = await self._store.write(lambda connection: forget_published(connection, since))
        if again:
            what = "Redis has no marker" if marker is None else "Redis came back with older data"
            _LOG.warning(f"{what}: states of the last day are published again", extra={"count": again})
        await self._redis.set(MARKER, self._now_ms())
        await self._redis.set(NUMBER, self._number)

    def _note_reached(self) -> None:
        """Redis answers; where it did not for a while, the log of that time is still on its way."""
        now = self._now_ms()
        if now - self._reached_ms > AWAY_MS:
            self._outage = range(self._reached_ms - YOUNG_PREDICTION_MS, now)
        self._reached_ms = now

    async def _publish_some(self) -> bool:
        states = await self._store.read(waiting)
        if any(self._may_wait_for_text(state) for state in states):
            states = await self._again_with_text()
        states = [state for state in states if not self._is_held(state)]
        if not states:
            return False
        fields: dict[Any, Any] = dict(FEEDBACK.encode(states))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(FEEDBACK.name, fields)
            pipe.set(NUMBER, self._number + 1)  # never by itself: it could reach a Redis that has lost the entry
            await pipe.execute()
        self._number = await self._store.write(lambda connection: mark_published(connection, states))
        PUBLISHED.inc(len(states))
        return len(states) == ENTRY_STATES

    def _is_held(self, state: ErrorState) -> bool:
        """It speaks of a prediction from while Redis was away, and the log has a little more time to bring its text."""
        patient = self._now_ms() - self._outage.stop < LOG_RETURNS_MS
        return patient and state.text is None and state.predicted_ms in self._outage

    def _may_wait_for_text(self, state: ErrorState) -> bool:
        """The prediction was answered just now, so its log entry is probably on its way."""
        return state.text is None and self._now_ms() - state.predicted_ms < YOUNG_PREDICTION_MS

    async def _again_with_text(self) -> list[ErrorState]:
        """The states, after the log had a moment to bring their texts."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TEXT_PATIENCE_SECONDS
        while True:
            self._text_arrived.clear()
            states = await self._store.read(waiting)
            if not any(self._may_wait_for_text(state) for state in states) or loop.time() >= deadline:
                return states
            try:
                async with asyncio.timeout_at(deadline):
                    await self._text_arrived.wait()
            except TimeoutError:
                return states

    def _note(self, error: str | None) -> None:
        if error and not self.error:
            _LOG.warning("votes wait to be published", extra={"error": error})
        if self.error and not error:
            _LOG.info("votes are published again")
        self.error = error


def waiting(connection: Connection) -> list[ErrorState]:
    """States that the stream does not have yet."""
    unpublished = subjects.c.published_revision < subjects.c.revision
    PENDING.set(connection.execute(select(func.count()).select_from(subjects).where(unpublished)).scalar_one())
    return states_of(connection, unpublished)


def mark_published(connection: Connection, states: list[ErrorState]) -> int:
    """Remembers that the stream has these states; a newer revision goes on waiting. The number of this publication."""
    for state in states:
        mine = (subjects.c.prediction_id == state.prediction_id, subjects.c.published_revision < state.revision)
        connection.execute(update(subjects).where(*mine).values(published_revision=state.revision))
    row = insert_into(connection, publications).values(stream=FEEDBACK.name, number=1)
    counted = row.on_conflict_do_update(index_elements=["stream"], set_={"number": publications.c.number + 1})
    return int(connection.execute(counted.returning(publications.c.number)).scalar_one())


def publication_number(connection: Connection) -> int:
    """How often something was put on the stream."""
    query = select(publications.c.number).where(publications.c.stream == FEEDBACK.name)
    return connection.execute(query).scalar() or 0


def forget_published(connection: Connection, since_ms: int) -> int:
    """Makes everything that changed since then wait again; how many that are."""
    recent = (subjects.c.changed_ms >= since_ms, subjects.c.published_revision > 0)
    return connection.execute(update(subjects).where(*recent).values(published_revision=0)).rowcount


def states_of(connection: Connection, condition: ColumnElement[bool]) -> list[ErrorState]:
    """The states of the subjects that meet the condition, the ones that changed first coming first."""
    logged = subjects.outerjoin(predictions, subjects.c.prediction_id == predictions.c.prediction_id)
    found = select(subjects, predictions.c.text, predictions.c.author).select_from(logged).where(condition)
    rows = connection.execute(found.order_by(subjects.c.changed_ms, subjects.c.prediction_id).limit(ENTRY_STATES)).all()
    said = _said(connection, [row.prediction_id for row in rows])
    return [
        ErrorState(
            prediction_id=row.prediction_id,
            revision=row.revision,
            error_ms=row.error_ms,
            model=row.model,
            version=row.version,
            label=row.label,
            probability_negative=row.probability_negative,
            predicted_ms=row.predicted_ms,
            text=row.text or None,
            expected_label=next((vote[0] for vote in said.get(row.prediction_id, ()) if vote[0] is not None), None),
            comments=[vote[1] for vote in said.get(row.prediction_id, ()) if vote[1]],
            annotators=len(said.get(row.prediction_id, ())),
            traceparent=row.traceparent,
            author=row.author if row.text else None,
        )
        for row in rows
    ]


def _said(connection: Connection, prediction_ids: list[str]) -> dict[str, list[tuple[int | None, str | None]]]:
    """(expected label, comment) of every standing `incorrect` vote, by prediction."""
    wrong = (votes.c.prediction_id.in_(prediction_ids), votes.c.current, votes.c.verdict == Verdict.INCORRECT.value)
    rows = connection.execute(select(votes).where(*wrong).order_by(votes.c.id)).all()
    said: dict[str, list[tuple[int | None, str | None]]] = {}
    for row in rows:
        said.setdefault(row.prediction_id, []).append((row.expected_label, row.comment))
    return said
