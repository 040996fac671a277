"""Silences: an alert that fires in one is kept and shown, and mails nobody."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from alerting.answers import moment
from alerting.store import AlertStore, AuditNote, stands
from alerting.tables import alerts, silences
from vigie.alerts import Alert, Silence, SilenceList, SilenceRequest
from vigie.durations import DAY_MS, HOUR_MS
from vigie.errors import NotFound

SHOWN_MS = 90 * DAY_MS


class SilenceBook:
    """Makes, shows and ends silences; every change is in the audit trail."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def make_once(self, wanted: SilenceRequest, silence_id: str) -> Silence:
        """From now on; the one of that id while it goes on."""
        try:
            return await self.make(wanted, silence_id)
        except IntegrityError:  # also when somebody presses twice at once
            standing = await self._one(silence_id)
        return standing if standing.active else await self.make(wanted)

    async def make(self, wanted: SilenceRequest, silence_id: str = "") -> Silence:
        """From now on."""
        now, silence_id = self._store.now_ms(), silence_id or uuid4().hex
        row = wanted.model_dump(exclude={"hours"}) | {
            "silence_id": silence_id,
            "created_ms": now,
            "until_ms": now + round(wanted.hours * HOUR_MS),
        }
        await self._store.write(lambda connection: connection.execute(insert(silences).values(row)))
        await self._store.note([AuditNote(wanted.scope, silence_id, "silence begins", detail=wanted.reason)])
        return await self._one(silence_id)

    async def end(self, silence_id: str) -> Silence:
        """Ends one now; raises `NotFound`. One that is over stays as it is."""
        silence = await self._one(silence_id)
        now = self._store.now_ms()
        standing = (silences.c.silence_id == silence_id, stands(now))
        change = update(silences).where(*standing).values(ended_ms=now)
        if await self._store.write(lambda connection: connection.execute(change).rowcount):
            await self._store.note([AuditNote(silence.scope, silence_id, "silence ended")])
        return await self._one(silence_id)

    async def all(self) -> SilenceList:
        """Newest first."""
        now = self._store.now_ms()
        query = select(silences).where(silences.c.until_ms > now - SHOWN_MS).order_by(silences.c.id.desc())
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return SilenceList(items=[_silence(row, now) for row in rows])

    async def call_false(self, alert_key: str) -> Alert:
        """Notes that an alert was a false alarm; raises `NotFound`. The second time changes nothing."""
        now = self._store.now_ms()
        change = update(alerts).where(alerts.c.alert_key == alert_key, alerts.c.false_alarm_ms.is_(None))
        changed = await self._store.write(
            lambda connection: connection.execute(change.values(false_alarm_ms=now)).rowcount
        )
        alert = await self._store.one(alert_key)
        if alert is None:
            raise NotFound(f"no such alert: {alert_key[:40]!r}", code="unknown_alert")
        if changed:
            await self._store.note([AuditNote(alert.scope, alert_key, "called a false alarm")])
        return alert

    async def _one(self, silence_id: str) -> Silence:
        query = select(silences).where(silences.c.silence_id == silence_id)
        row = await self._store.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise NotFound(f"no such silence: {silence_id[:40]!r}", code="unknown_silence")
        return _silence(row, self._store.now_ms())


def _silence(row: Row[Any], now_ms: int) -> Silence:
    return Silence(
        silence_id=row.silence_id,
        scope=row.scope,
        rule=row.rule,
        created_at=moment(row.created_ms),
        until=moment(row.until_ms),
        ended_at=None if row.ended_ms is None else moment(row.ended_ms),
        active=row.ended_ms is None and row.until_ms > now_ms,
        reason=row.reason,
    )
