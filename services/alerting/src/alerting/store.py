"""Alerts and the audit trail in SQL. The store is the truth: what it holds is never raised a second time."""

import logging
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)

from alerting.answers import alert_of
from alerting.forgotten import forget_erasures, without_forgotten
from alerting.rule import PastAlert
from alerting.tables import alerts, audit, create_tables, deliveries, silences
from vigie.alerts import CANARY, Alert, AlertPage, AlertState, DeliveryState, RaisedAlert
from vigie.durations import DAY_MS
from vigie.errors import InvalidRequest
from vigie.schemas import ANYTHING
from vigie.store import Store, insert_into

RAISED, RESOLVED, EMAIL = "raised", "resolved", "email"
ERRORS, SURGE = "errors", "surge"
AUDIT_KEPT_MS = 90 * DAY_MS
DIGEST_TAKES_MS = 600_000  # more than any lease: what is sent later was written when the end was known

Clock = Callable[[], int]
MessageId = Callable[[str, str, str], str]
ResultT = TypeVar("ResultT")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a mail, and its Message-ID."""

    address: str
    message_id: str


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What was decided about a prediction or an alert."""

    scope: str
    subject: str
    what: str
    revision: int | None = None
    detail: str | None = None


class AlertStore:
    """The alerts of this system; raises `vigie.store.StoreUnavailable` when the database fails."""

    def __init__(self, store: Store, *, now_ms: Clock) -> None:
        self._store = store
        self.now_ms = now_ms

    async def prepare(self) -> None:
        """Creates the tables that are missing."""
        await self.write(create_tables)

    async def probe(self) -> None:
        """Returns when the database answers."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")))

    async def keep(self, alert: RaisedAlert, recipients: Sequence[Recipient]) -> bool:
        """Stores the alert, with one delivery per recipient unless silenced; false when it was stored before.

        What was erased is left out.
        """
        done = await self.write(lambda connection: _keep(connection, alert, recipients, self.now_ms()))
        if done:
            await self.note([AuditNote(alert.scope, alert.alert_key, done)])
        return done is not None

    async def past_alerts(self, since_ms: int) -> list[PastAlert]:
        """Every alert of the error rule that fired since then."""
        recent = (alerts.c.fired_ms >= since_ms, alerts.c.rule == ERRORS)
        query = select(alerts).where(*recent).order_by(alerts.c.id)
        rows = await self.read(lambda connection: connection.execute(query).all())
        return [_past(row) for row in rows]

    async def firing(self) -> list[PastAlert]:
        """Every alert that is not resolved."""
        query = select(alerts).where(alerts.c.state == AlertState.FIRING.value)
        rows = await self.read(lambda connection: connection.execute(query).all())
        return [_past(row) for row in rows]

    async def resolve(self, episode: Sequence[PastAlert], message_id: MessageId) -> None:
        """Marks alerts of one scope and rule as over, and addresses one mail to everybody who was told of any of them.

        That a challenger was stopped is never over in that sense: its alert is closed without a mail.
        """
        over = await self.write(lambda connection: _resolve(connection, episode, message_id, self.now_ms()))
        await self.note(
            [AuditNote(alert.scope, alert.alert_key, "resolved") for alert in episode if alert.alert_key in over]
        )

    async def tell_late_ends(self, message_id: MessageId) -> None:
        """Addresses the mail of the end to those who were told of an alert only when it was already over.

        A digest that was sent `DIGEST_TAKES_MS` after the end has told it: nobody gets a second mail for that.
        """
        if await self.read(lambda connection: connection.execute(_without_end(true()).limit(1)).first()):
            await self.write(lambda connection: _tell_ends(connection, true(), message_id, self.now_ms()))

    async def forget_before(self, unix_ms: int) -> int:
        """Removes alerts that fired before, with their mails, and silences that were over then; how many alerts.

        Erasures are forgotten when nothing can wait for them any more.
        """
        await self.write(lambda connection: forget_erasures(connection, self.now_ms()))
        return await self.write(lambda connection: _forget(connection, unix_ms))

    async def note(self, notes: Sequence[AuditNote]) -> None:
        """Adds to the audit trail, and forgets what is older than `AUDIT_KEPT_MS`."""
        if notes:
            await self.write(lambda connection: _note(connection, notes, self.now_ms()))

    async def page(self, *, limit: int, cursor: str | None) -> AlertPage:
        """Alerts newest first; raises `InvalidRequest` for a cursor that this service has not given out."""
        before = None if cursor is None else _row_id(cursor)
        return await self.read(lambda connection: _page(connection, limit, before))

    async def one(self, alert_key: str) -> Alert | None:
        """That alert, if there is one."""
        return await self.read(lambda connection: next(iter(_shown(connection, alerts.c.alert_key == alert_key)), None))

    async def read(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """As `Store.read`."""
        return await self._store.read(work)

    async def write(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """As `Store.write`."""
        return await self._store.write(work)

    def alone(self, lock: int) -> AbstractAsyncContextManager[bool]:
        """As `Store.alone`."""
        return self._store.alone(lock)


def _keep(connection: Connection, alert: RaisedAlert, recipients: Sequence[Recipient], now_ms: int) -> str | None:
    alert = without_forgotten(connection, alert)
    silence_id = silencing(connection, alert, now_ms)
    told: dict[str, Any] = {"episode_key": _episode(connection, alert)}
    if silence_id is None and alert.rule == ERRORS:
        told["suppressed_before"] = alert.suppressed_before + _untold(connection, alert)
    row = {
        "alert_key": alert.alert_key,
        "scope": alert.scope,
        "rule": alert.rule,
        "state": AlertState.FIRING.value,
        "fired_ms": alert.fired_ms,
        "newest_ms": alert.newest_ms,
        "told": alert.model_copy(update=told).model_dump_json(),
        "silence_id": silence_id,
    }
    new = insert_into(connection, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.id)
    alert_id = connection.execute(new).scalar_one_or_none()
    if alert_id is None:
        return None
    if silence_id is None:
        _address(connection, alert_id, RAISED, recipients, now_ms)
    return "silenced" if silence_id else "raised"


def _untold(connection: Connection, alert: RaisedAlert) -> int:
    """The errors that no mail told because their alerts were silenced, and what those kept quiet, since the last mail.

    An error of several alerts counts once; what this alert tells itself does not.
    """
    same = (alerts.c.scope == alert.scope, alerts.c.rule == alert.rule)
    mailed = select(func.coalesce(func.max(alerts.c.id), 0)).where(*same, alerts.c.silence_id.is_(None))
    query = select(alerts.c.told).where(*same, alerts.c.id > mailed.scalar_subquery())
    silenced = [RaisedAlert.model_validate_json(told) for told in connection.execute(query).scalars()]
    errors = {error.state.prediction_id for each in silenced for error in each.errors}
    own = {error.state.prediction_id for error in alert.errors}
    return sum(each.suppressed_before for each in silenced) + len(errors - own)


def silencing(connection: Connection, alert: RaisedAlert, now_ms: int) -> str | None:
    """The id of a silence that keeps this alert quiet."""
    meant = (silences.c.scope.in_((alert.scope, ANYTHING)), silences.c.rule.in_((alert.rule, ANYTHING)))
    query = select(silences.c.silence_id).where(*meant, stands(now_ms)).limit(1)
    found: str | None = connection.execute(query).scalar()
    return found


def stands(now_ms: int) -> ColumnElement[bool]:
    """Whether a silence is on."""
    return and_(silences.c.until_ms > now_ms, silences.c.ended_ms.is_(None))


def _address(connection: Connection, alert_id: int, kind: str, recipients: Sequence[Recipient], now_ms: int) -> None:
    """One pending delivery per recipient, unless it is there already."""
    fixed = {"alert_id": alert_id, "kind": kind, "channel": EMAIL, "state": DeliveryState.PENDING.value}
    counters = {"queued_ms": now_ms, "next_attempt_ms": now_ms, "attempts": 0, "handed_over": 0}
    addressed = [{"recipient": each.address, "message_id": each.message_id} for each in recipients]
    if addressed:
        new = insert_into(connection, deliveries).on_conflict_do_nothing()
        connection.execute(new, [fixed | counters | each for each in addressed])


def _episode(connection: Connection, alert: RaisedAlert) -> str:
    """The key of the first alert of the scope that is not over and was mailed; this one's own where there is none."""
    same = (alerts.c.scope == alert.scope, alerts.c.rule == alert.rule, alerts.c.silence_id.is_(None))
    firing = alerts.c.state == AlertState.FIRING.value
    first = select(alerts.c.alert_key).where(*same, firing).order_by(alerts.c.id).limit(1)
    found: str = connection.execute(first).scalar() or alert.alert_key
    return found


def _resolve(
    connection: Connection, episode: Sequence[PastAlert], message_id: MessageId, now_ms: int
) -> Container[str]:
    """The keys of those that were not over yet."""
    own = alerts.c.alert_key.in_([alert.alert_key for alert in episode])
    change = update(alerts).where(own, alerts.c.state == AlertState.FIRING.value)
    change = change.values(state=AlertState.RESOLVED.value, resolved_ms=now_ms)
    over = set(connection.execute(change.returning(alerts.c.alert_key)).scalars())
    _tell_ends(connection, alerts.c.alert_key.in_(over), message_id, now_ms)
    return over


def _tell_ends(connection: Connection, wanted: ColumnElement[bool], message_id: MessageId, now_ms: int) -> None:
    """One mail of the end to each who was told of alerts that ended together: it answers the last one."""
    told = set()
    for row in connection.execute(_without_end(wanted)).all():
        end = (row.recipient, row.scope, row.rule, row.resolved_ms)
        if end not in told:
            told.add(end)
            recipient = Recipient(row.recipient, message_id(row.alert_key, row.recipient, RESOLVED))
            _address(connection, row.alert_id, RESOLVED, [recipient], now_ms)


def _without_end(wanted: ColumnElement[bool]) -> Select[Any]:
    """Mails that told of an alert that is over now, to people who do not know that it is."""
    over = (alerts.c.state == AlertState.RESOLVED.value, alerts.c.rule != CANARY)
    told = deliveries.c.state.in_((DeliveryState.SENT.value, DeliveryState.AMBIGUOUS.value))
    ended = (alerts.c.alert_key, alerts.c.scope, alerts.c.rule, alerts.c.resolved_ms)
    query = select(deliveries.c.alert_id, deliveries.c.recipient, *ended).join(alerts)
    query = query.where(wanted, *over, deliveries.c.kind == RAISED, told, ~_knows_the_end())
    return query.order_by(alerts.c.id.desc())


def _knows_the_end() -> ColumnElement[bool]:
    """Whether the reader of a mail has one of the end as well, or had it in a digest: a mail that told of several.

    The mail of the end of one alert tells it of those that ended together with it, unless it was sent before theirs.
    """
    other, ended = deliveries.alias(), alerts.alias()
    same = (other.c.recipient == deliveries.c.recipient, other.c.alert_id == ended.c.id)
    end = [getattr(ended.c, name) == getattr(alerts.c, name) for name in ("scope", "rule", "resolved_ms")]
    told = exists().where(*same, *end, other.c.kind == RESOLVED, or_(ended.c.id == alerts.c.id, _is_later(other)))
    together = exists().where(other.c.message_id == deliveries.c.message_id, other.c.id != deliveries.c.id)
    late = or_(deliveries.c.finished_ms.is_(None), deliveries.c.finished_ms - alerts.c.resolved_ms > DIGEST_TAKES_MS)
    return or_(told, and_(late, together))


def _is_later(other: Any) -> ColumnElement[bool]:
    """Whether that delivery is still to be made, or was made after this one."""
    unknown = or_(other.c.finished_ms.is_(None), deliveries.c.finished_ms.is_(None))
    return or_(unknown, other.c.finished_ms >= deliveries.c.finished_ms)


def _forget(connection: Connection, unix_ms: int) -> int:
    old = select(alerts.c.id).where(alerts.c.fired_ms < unix_ms)
    connection.execute(delete(deliveries).where(deliveries.c.alert_id.in_(old)))
    connection.execute(delete(silences).where(silences.c.until_ms < unix_ms))
    return connection.execute(delete(alerts).where(alerts.c.fired_ms < unix_ms)).rowcount


def _note(connection: Connection, notes: Sequence[AuditNote], now_ms: int) -> None:
    rows = [
        {
            "at_ms": now_ms,
            "scope": note.scope,
            "subject": note.subject,
            "revision": note.revision,
            "what": note.what,
            "detail": note.detail,
        }
        for note in notes
    ]
    connection.execute(insert(audit), rows)
    connection.execute(delete(audit).where(audit.c.at_ms < now_ms - AUDIT_KEPT_MS))


def _past(row: Row[Any]) -> PastAlert:
    return PastAlert(row.alert_key, row.scope, row.fired_ms, row.newest_ms, row.rule)


def _row_id(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidRequest(f"cursor: expected a next_cursor of an earlier answer, got {cursor[:40]!r}")
    return int(cursor)


def _page(connection: Connection, limit: int, before: int | None) -> AlertPage:
    wanted = true() if before is None else alerts.c.id < before
    ids = connection.execute(select(alerts.c.id).where(wanted).order_by(alerts.c.id.desc()).limit(limit + 1)).scalars()
    found = list(ids)
    items = _shown(connection, alerts.c.id.in_(found[:limit]))
    return AlertPage(items=items, next_cursor=str(found[limit - 1]) if len(found) > limit else None)


def _shown(connection: Connection, wanted: ColumnElement[bool]) -> list[Alert]:
    rows = connection.execute(select(alerts).where(wanted).order_by(alerts.c.id.desc())).all()
    meant = deliveries.c.alert_id.in_([row.id for row in rows])
    mails: dict[int, list[Row[Any]]] = {row.id: [] for row in rows}
    for mail in connection.execute(select(deliveries).where(meant).order_by(deliveries.c.id)):
        mails[mail.alert_id].append(mail)
    return [alert_of(row, mails[row.id]) for row in rows]
