"""The prediction log: from the Redis stream into the store, many rows at a time."""

import asyncio
import logging

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, select

from feedback.tables import ERASING_LOCK, erased_authors, predictions
from vigie.authors import is_erased
from vigie.schemas import PredictionEvent
from vigie.store import Store, insert_into, take_turn
from vigie.streams import PREDICTIONS, TRIALS, trim_consumed

TRIM_EVERY_SECONDS = 30.0

LOGGED = Counter("vigie_predictions_logged_total", "Predictions written to the log.")

_LOG = logging.getLogger(__name__)


def insert_predictions(connection: Connection, events: list[PredictionEvent]) -> None:
    """Writes what is not there yet; the same event again changes nothing. What an author had erased stays out.

    An erasure of meanwhile waits for this transaction.
    """
    erased = _erased(connection, events)
    events = [event for event in events if not is_erased(event.author, event.created_ms, erased)]
    if not events:
        return
    statement = insert_into(connection, predictions).on_conflict_do_nothing(index_elements=["prediction_id"])
    connection.execute(statement, [vars(event) for event in events])


def _erased(connection: Connection, events: list[PredictionEvent]) -> dict[str, int]:
    authors = {event.author for event in events if event.author}
    if not authors:
        return {}
    take_turn(connection, ERASING_LOCK, shared=True)
    rows = connection.execute(select(erased_authors).where(erased_authors.c.author.in_(authors))).all()
    return {row.author: row.erased_ms for row in rows}


class PredictionLog:
    """Handles the stream's events and tells who waits for a text that rows have arrived."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.arrived = asyncio.Event()

    async def keep(self, events: list[PredictionEvent]) -> None:
        """Returns once the events are on disk."""
        await self._store.write(lambda connection: insert_predictions(connection, events))
        LOGGED.inc(len(events))
        self.arrived.set()


async def keep_trimmed(redis: Redis) -> None:
    """Removes from the streams what every group has handled, until cancelled."""
    while True:
        await asyncio.sleep(TRIM_EVERY_SECONDS)
        for stream in (PREDICTIONS.name, TRIALS.name):
            try:
                await trim_consumed(redis, stream)
            except (RedisError, OSError) as error:
                _LOG.debug("a stream could not be trimmed", extra={"stream": stream, "error": str(error)})
