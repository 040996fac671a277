"""How long things are kept, by kind: a task looks once a day."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import SQLAlchemyError

from feedback.tables import predictions, subjects, trials, votes
from vigie.durations import DAY_MS
from vigie.store import Store, StoreUnavailable

DAY_SECONDS = 24 * 3600.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """In days: the texts of the prediction log, and votes with the snapshot of what they speak of."""

    predictions: int
    votes: int


def forget_old(connection: Connection, kept: Retention, now_ms: int) -> tuple[int, int]:
    """Removes what is older than it may be; how many predictions and votes."""
    old = predictions.c.created_ms < now_ms - kept.predictions * DAY_MS
    texts = connection.execute(delete(predictions).where(old)).rowcount
    connection.execute(delete(trials).where(trials.c.created_ms < now_ms - kept.predictions * DAY_MS))
    given = connection.execute(delete(votes).where(votes.c.created_ms < now_ms - kept.votes * DAY_MS)).rowcount
    bare = subjects.c.prediction_id.not_in(select(votes.c.prediction_id))
    connection.execute(delete(subjects).where(bare, subjects.c.changed_ms < now_ms - kept.votes * DAY_MS))
    return texts, given


async def keep_to(kept: Retention, store: Store, now_ms: Callable[[], int]) -> None:
    """Runs until cancelled, at the start and then once a day."""
    while True:
        try:
            texts, given = await store.write(lambda connection: forget_old(connection, kept, now_ms()))
            if texts or given:
                _LOG.info("kept no longer", extra={"predictions": texts, "votes": given})
        except (StoreUnavailable, SQLAlchemyError) as error:
            _LOG.warning("old rows wait for tomorrow", extra={"error": type(error).__name__})
        await asyncio.sleep(DAY_SECONDS)
