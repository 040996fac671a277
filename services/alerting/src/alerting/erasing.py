"""Forgetting an author in alerts: what is kept of them, what waits to be mailed, and what the radar remembers."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import Connection, select, update

from alerting.store import AlertStore, AuditNote
from alerting.tables import alerts
from vigie.alerts import RaisedAlert
from vigie.durations import DAY_MS
from vigie.schemas import Erasure

ANSWER_SECONDS = 3600
ERASED_AUTHORS = "erasures:authors"
_KEPT_MS = 30 * DAY_MS  # predictions may wait on the stream while no radar runs


class Eraser:
    """Handles the stream `erasures`; the same erasure again changes nothing."""

    def __init__(self, redis: Redis, store: AlertStore) -> None:
        self._redis = redis
        self._store = store

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        """Tells every worker's radar, rewrites alerts, then answers how many."""
        for erasure in erasures:
            await self._redis.zadd(ERASED_AUTHORS, {erasure.author: erasure.at_ms}, gt=True)
            await self._redis.zremrangebyscore(ERASED_AUTHORS, 0, self._store.now_ms() - _KEPT_MS)
            count = await self._store.write(lambda connection, told=erasure: _rewrite(connection, told))  # type: ignore[misc]
            await self._store.note([AuditNote("all", erasure.erasure_id, "author erased", detail=f"{count} alerts")])
            await self._redis.hset(erasure.answer_key, "alerts", str(count))
            await self._redis.expire(erasure.answer_key, ANSWER_SECONDS)


async def erased_authors(redis: Redis) -> dict[str, int]:
    """Authors (their digests) of the last 30 days' erasures, with the moment of the erasure (Unix ms)."""
    found: Any = await redis.zrange(ERASED_AUTHORS, 0, -1, withscores=True)
    return {author.decode(): int(moment) for author, moment in found}


def without(alert: RaisedAlert, erasure: Erasure) -> RaisedAlert:
    """The alert without a text of the author."""
    ids = frozenset(erasure.prediction_ids)
    errors = [
        error.model_copy(update={"state": error.state.model_copy(update={"text": None})})
        if error.state.prediction_id in ids
        else error
        for error in alert.errors
    ]
    surge = alert.surge
    if surge:
        surge = surge.model_copy(update={"tweets": [each for each in surge.tweets if each.author != erasure.author]})
    return alert.model_copy(update={"errors": errors, "surge": surge})


def _rewrite(connection: Connection, erasure: Erasure) -> int:
    changed = 0
    for row in connection.execute(select(alerts.c.id, alerts.c.told)).all():
        alert = RaisedAlert.model_validate_json(row.told)
        bare = without(alert, erasure)
        if bare != alert:
            connection.execute(update(alerts).where(alerts.c.id == row.id).values(told=bare.model_dump_json()))
            changed += 1
    return changed
