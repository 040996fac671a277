"""Forgetting an author in alerts: what is kept of them, what waits to be mailed, and what the radar remembers."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import Connection, select, update

from alerting.forgotten import ERASURES_KEPT_MS, remember, without
from alerting.store import AlertStore, AuditNote
from alerting.tables import alerts
from vigie.alerts import RaisedAlert
from vigie.schemas import Erasure

ANSWER_SECONDS = 3600
ERASED_AUTHORS = "erasures:authors"


class Eraser:
    """Handles the stream `erasures`; the same erasure again changes nothing."""

    def __init__(self, redis: Redis, store: AlertStore) -> None:
        self._redis = redis
        self._store = store

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        """Tells every worker's radar, rewrites alerts, remembers it for those to come, then answers how many."""
        for erasure in erasures:
            await self._redis.zadd(ERASED_AUTHORS, {erasure.author: erasure.at_ms}, gt=True)
            await self._redis.zremrangebyscore(ERASED_AUTHORS, 0, self._store.now_ms() - ERASURES_KEPT_MS)
            count = await self._store.write(lambda connection, told=erasure: _rewrite(connection, told))  # type: ignore[misc]
            await self._store.note([AuditNote("all", erasure.erasure_id, "author erased", detail=f"{count} alerts")])
            await self._redis.hset(erasure.answer_key, "alerts", str(count))
            await self._redis.expire(erasure.answer_key, ANSWER_SECONDS)


async def erased_authors(redis: Redis) -> dict[str, int]:
    """Authors (their digests) of the last 30 days' erasures, with the moment of the erasure (Unix ms)."""
    found: Any = await redis.zrange(ERASED_AUTHORS, 0, -1, withscores=True)
    return {author.decode(): int(moment) for author, moment in found}


def _rewrite(connection: Connection, erasure: Erasure) -> int:
    """What comes later finds the erasure in the store; how many of the alerts that are there were changed."""
    remember(connection, erasure)
    changed = 0
    for row in connection.execute(select(alerts.c.id, alerts.c.told)).all():
        alert = RaisedAlert.model_validate_json(row.told)
        bare = without(alert, erasure)
        if bare != alert:
            connection.execute(update(alerts).where(alerts.c.id == row.id).values(told=bare.model_dump_json()))
            changed += 1
    return changed
