"""Looks at the versions on trial again and again, stops a challenger that is worse, and has the reason mailed.

A stop is on disk before it is told, and is told again when Redis has lost it; whoever mails knows it by its key.
"""

import asyncio
import logging
from hashlib import sha1
from time import monotonic
from typing import Any

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, Row, and_, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from feedback.publisher import MARKER, Clock, states_of
from feedback.stopping import why_stopped
from feedback.tables import trial_stops
from feedback.trials import lately, reports, stops, wrong_answers
from vigie.alerts import CANARY, CanaryFacts, RaisedAlert, RaisedError
from vigie.catalogue import CHALLENGER
from vigie.durations import DAY_MS
from vigie.errors import Unavailable
from vigie.store import Store, insert_into
from vigie.streams import ALERTS
from vigie.trials import StopReason, TrialList, TrialReport

LOOK_SECONDS = 1.0
DUTY = 20
LATELY_MS = 60_000
TWEETS_TOLD = 5

STOPPED = Counter("vigie_trial_stops_total", "Challengers that were stopped.", ["model", "reason"])

_LOG = logging.getLogger(__name__)


class TrialJudge:
    """One task."""

    def __init__(self, store: Store, redis: Redis, *, now_ms: Clock) -> None:
        self._store = store
        self._redis = redis
        self._now_ms = now_ms
        self._trials: TrialList | None = None

    @property
    def trials(self) -> TrialList:
        """What it saw last; raises `Unavailable` before it has seen anything: nobody must take that for no stops."""
        if self._trials is None:
            raise Unavailable("versions on trial were not looked at yet")
        return self._trials

    async def run(self) -> None:
        """Looks until cancelled, and rests longer where looking takes long, but not where it failed."""
        while True:
            started, rest = monotonic(), LOOK_SECONDS
            try:
                await self.look()
                rest = max(rest, DUTY * (monotonic() - started))
            except (SQLAlchemyError, RedisError, OSError) as error:
                _LOG.warning("versions on trial are looked at later", extra={"error": str(error)[:200]})
            await asyncio.sleep(rest)

    async def look(self) -> None:
        """Once: counts, stops, and tells what was not told yet."""
        now_ms = self._now_ms()
        trials = await self._store.read(lambda connection: seen(connection, now_ms))
        judged = [await self._judge(report, now_ms) for report in trials.items]
        self._trials = await self._store.read(lambda connection: seen(connection, now_ms)) if any(judged) else trials
        await self._tell(now_ms)

    async def _tell(self, now_ms: int) -> None:
        """Puts alerts on the stream. A Redis that has lost its data has another marker, or none yet."""
        marker: Any = await self._redis.get(MARKER)
        if marker is None:
            return
        epoch = str(marker.decode())
        for alert in await self._store.read(lambda connection: untold(connection, epoch, now_ms - DAY_MS)):
            fields: dict[Any, Any] = dict(ALERTS.encode([alert]))
            await self._redis.xadd(ALERTS.name, fields)
            await self._store.write(lambda connection, told=alert: mark_told(connection, told, epoch))  # type: ignore[misc]

    async def _judge(self, report: TrialReport, now_ms: int) -> bool:
        """Whether it was stopped now."""
        if report.alias != CHALLENGER or report.stopped:
            return False
        found = await self._store.read(lambda connection: lately(connection, report, now_ms - LATELY_MS))
        why = why_stopped(report, found)
        if why is None:
            return False
        if not await self._store.write(lambda connection: stop(connection, report, why, found.failure, now_ms)):
            return False
        reason, detail = why
        STOPPED.labels(report.model, reason.value).inc()
        told = {"model": report.model, "version": report.trial.version, "reason": reason.value, "detail": detail}
        _LOG.warning("a challenger was stopped", extra=told)
        return True


def seen(connection: Connection, now_ms: int) -> TrialList:
    """How everything on trial stands."""
    return TrialList(items=reports(connection, now_ms), stopped=stops(connection))


def stop(
    connection: Connection, report: TrialReport, why: tuple[StopReason, str], failure: str | None, now_ms: int
) -> bool:
    """Writes it down; false when that was done before."""
    row = {
        "model": report.model,
        "version": report.trial.version,
        "reason": why[0].value,
        "detail": why[1],
        "report": report.model_dump_json(),
        "failure": failure,
        "stopped_ms": now_ms,
    }
    new = insert_into(connection, trial_stops).values(row).on_conflict_do_nothing().returning(trial_stops.c.id)
    return connection.execute(new).scalar_one_or_none() is not None


def untold(connection: Connection, epoch: str, since_ms: int) -> list[RaisedAlert]:
    """The alerts of stops that no Redis was told of yet, and of those since then that only a lost one was."""
    told = trial_stops.c.told_epoch
    lost = and_(told != epoch, trial_stops.c.stopped_ms >= since_ms)
    waiting = select(trial_stops).where(or_(told.is_(None), lost)).order_by(trial_stops.c.id)
    return [_alert(connection, row) for row in connection.execute(waiting).all()]


def mark_told(connection: Connection, alert: RaisedAlert, epoch: str) -> None:
    """The stream of that Redis has it."""
    model, _, version = alert.scope.partition(":")
    mine = (trial_stops.c.model == model, trial_stops.c.version == version)
    connection.execute(update(trial_stops).where(*mine).values(told_epoch=epoch))


def _alert(connection: Connection, row: Row[Any]) -> RaisedAlert:
    report = TrialReport.model_validate_json(row.report)
    scope, reason = f"{row.model}:{row.version}", StopReason(row.reason)
    states = states_of(connection, wrong_answers(report)) if reason is StopReason.VOTED_DOWN else []
    errors = [RaisedError(at_ms=state.error_ms or row.stopped_ms, state=state) for state in states]
    key = f"{scope}\n{CANARY}\n{row.stopped_ms}"
    return RaisedAlert(
        alert_key=sha1(key.encode(), usedforsecurity=False).hexdigest(),
        scope=scope,
        rule=CANARY,
        fired_ms=row.stopped_ms,
        window_ms=DAY_MS,
        cooldown_ms=0,
        suppressed_before=0,
        errors=sorted(errors, key=lambda error: error.at_ms)[-TWEETS_TOLD:],
        canary=CanaryFacts(at_ms=row.stopped_ms, reason=reason, report=report, failure=row.failure),
    )
