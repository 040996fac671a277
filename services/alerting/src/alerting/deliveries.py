"""The queue of mails in SQL: who may send which one now, and what became of it.

A delivery is leased by compare-and-set, so that two workers never send the same one; the lease of a worker that died
ends by itself. Nothing here waits or sends.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from alerting.store import RAISED, AlertStore
from alerting.tables import alerts, deliveries
from vigie.alerts import DeliveryState, RaisedAlert

MOST_TOGETHER = 100

_ADVISORY_LOCK = 7_310_448_205
_DUE = (DeliveryState.PENDING.value, DeliveryState.AMBIGUOUS.value)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one mail until `until_ms`. `attempt` counts this one, `handed_over` the unanswered ones."""

    delivery_id: int
    owner: str
    until_ms: int
    alert: RaisedAlert
    recipient: str
    message_id: str
    attempt: int
    handed_over: int
    queued_ms: int
    kind: str = RAISED
    resolved_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a delivery after an attempt; without `next_attempt_ms` it is over."""

    state: DeliveryState
    reply: str
    handed_over: int
    next_attempt_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeadDelivery:
    """A mail that will not be tried again by itself."""

    delivery_id: int
    state: DeliveryState
    recipient: str
    scope: str
    fired_ms: int
    attempts: int
    reply: str


class DeliveryQueue:
    """Deliveries as one worker (`owner`, different for every process) sees them."""

    def __init__(self, store: AlertStore, *, owner: str, lease_ms: int) -> None:
        self._store = store
        self._owner = owner
        self._lease_ms = lease_ms

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """For taking a whole mail: two workers would share out what belongs into one, under one Message-ID."""
        return self._store.alone(_ADVISORY_LOCK)

    async def lease(self) -> Lease | None:
        """The delivery that has been due for longest, now this worker's; null when none is due."""
        return await self._store.write(self._take)

    async def lease_company(self, lease: Lease, *, waiting_since_ms: int) -> list[Lease]:
        """Leases what goes into one mail with `lease`: alerts to its recipient that have waited since before then.

        What was handed over together before goes together again, and nothing else with it. `lease` is not among them.
        """
        together = deliveries.c.message_id == lease.message_id
        if not lease.handed_over:
            together = and_(deliveries.c.handed_over == 0, deliveries.c.queued_ms <= waiting_since_ms)
        others = and_(
            together,
            deliveries.c.recipient == lease.recipient,
            deliveries.c.kind == RAISED,
            deliveries.c.id != lease.delivery_id,
        )
        return await self._store.write(lambda connection: self._take_company(connection, lease, others))

    async def hand_over(self, leases: Sequence[Lease], message_id: str) -> bool:
        """Notes that the text of a mail is about to be sent; false when a lease is not this worker's any more."""

        def note(connection: Connection) -> bool:
            for lease in leases:
                mine = and_(*_held(lease), deliveries.c.lease_until_ms > self._store.now_ms())
                values = {"handed_over": lease.handed_over + 1, "message_id": message_id}
                if connection.execute(update(deliveries).where(mine).values(values)).rowcount != 1:
                    connection.rollback()
                    return False
            return True

        return await self._store.write(note)

    async def finish(self, lease: Lease, decision: Decision) -> bool:
        """Writes down what became of it; false when the lease is not this worker's any more."""
        values = {
            "state": decision.state.value,
            "reply": decision.reply[:500],
            "handed_over": decision.handed_over,
            "next_attempt_ms": decision.next_attempt_ms,
            "lease_owner": None,
            "lease_until_ms": None,
            "finished_ms": self._store.now_ms() if decision.next_attempt_ms is None else None,
        }
        change = update(deliveries).where(*_held(lease)).values(values)
        return await self._store.write(lambda connection: connection.execute(change).rowcount == 1)

    async def next_due_ms(self) -> int | None:
        """When the next delivery is due or the next lease ends; null when there is nothing to wait for."""
        due = select(func.min(deliveries.c.next_attempt_ms)).where(deliveries.c.state.in_(_DUE))
        ends = select(func.min(deliveries.c.lease_until_ms)).where(deliveries.c.state == DeliveryState.SENDING.value)
        found = await self._store.read(lambda connection: [connection.execute(query).scalar() for query in (due, ends)])
        return min((moment for moment in found if moment is not None), default=None)

    async def counts(self) -> dict[DeliveryState, int]:
        """How many deliveries are in each state."""
        query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return dict.fromkeys(DeliveryState, 0) | {DeliveryState(state): count for state, count in rows}

    async def dead(self) -> list[DeadDelivery]:
        """Deliveries that are over without a mail that is known to have arrived, oldest first."""
        query = (
            select(deliveries, alerts.c.scope, alerts.c.fired_ms).join(alerts).where(_over()).order_by(deliveries.c.id)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [
            DeadDelivery(
                row.id, DeliveryState(row.state), row.recipient, row.scope, row.fired_ms, row.attempts, row.reply or ""
            )
            for row in rows
        ]

    async def replay(self, delivery_ids: Sequence[int] | None = None) -> int:
        """Queues dead deliveries again (all of them, or those named), with the whole time for retries."""
        now = self._store.now_ms()
        fresh = {"state": DeliveryState.PENDING.value, "queued_ms": now, "next_attempt_ms": now, "finished_ms": None}
        chosen = _over() if delivery_ids is None else and_(_over(), deliveries.c.id.in_(delivery_ids))
        change = update(deliveries).where(chosen).values(fresh | {"attempts": 0, "handed_over": 0})
        return await self._store.write(lambda connection: connection.execute(change).rowcount)

    def _take_company(self, connection: Connection, lease: Lease, others: ColumnElement[bool]) -> list[Lease]:
        takeable = or_(_waiting(), _abandoned(self._store.now_ms()))
        query = select(deliveries.c.id).where(others, takeable).order_by(deliveries.c.id)
        values = {"state": DeliveryState.SENDING.value, "lease_owner": self._owner, "lease_until_ms": lease.until_ms}
        taken = []
        for found in connection.execute(query.limit(MOST_TOGETHER - 1)).scalars().all():
            change = update(deliveries).where(deliveries.c.id == found, takeable)
            if connection.execute(change.values(attempts=deliveries.c.attempts + 1, **values)).rowcount == 1:
                taken.append(_read_lease(connection, found))
        return taken

    def _take(self, connection: Connection) -> Lease | None:
        now = self._store.now_ms()
        while True:
            query = select(deliveries.c.id).where(_free(now)).order_by(deliveries.c.next_attempt_ms, deliveries.c.id)
            found = connection.execute(query.limit(1)).scalar()
            if found is None:
                return None
            until = now + self._lease_ms
            values = {"state": DeliveryState.SENDING.value, "lease_owner": self._owner, "lease_until_ms": until}
            change = update(deliveries).where(deliveries.c.id == found, _free(now))
            if connection.execute(change.values(attempts=deliveries.c.attempts + 1, **values)).rowcount == 1:
                return _read_lease(connection, found)


def _read_lease(connection: Connection, delivery_id: int) -> Lease:
    query = select(deliveries, alerts.c.told, alerts.c.resolved_ms).join(alerts).where(deliveries.c.id == delivery_id)
    row = connection.execute(query).one()
    return Lease(
        delivery_id=row.id,
        owner=row.lease_owner,
        until_ms=row.lease_until_ms,
        alert=RaisedAlert.model_validate_json(row.told),
        recipient=row.recipient,
        message_id=row.message_id,
        attempt=row.attempts,
        handed_over=row.handed_over,
        queued_ms=row.queued_ms,
        kind=row.kind,
        resolved_ms=row.resolved_ms,
    )


def _free(now_ms: int) -> ColumnElement[bool]:
    """Due, or leased by a worker that did not finish in time."""
    return or_(and_(_waiting(), deliveries.c.next_attempt_ms <= now_ms), _abandoned(now_ms))


def _waiting() -> ColumnElement[bool]:
    """To be tried, now or later; what was given up has no next attempt."""
    return and_(deliveries.c.state.in_(_DUE), deliveries.c.next_attempt_ms.is_not(None))


def _abandoned(now_ms: int) -> ColumnElement[bool]:
    return and_(deliveries.c.state == DeliveryState.SENDING.value, deliveries.c.lease_until_ms <= now_ms)


def _over() -> ColumnElement[bool]:
    given_up = and_(deliveries.c.state == DeliveryState.AMBIGUOUS.value, deliveries.c.next_attempt_ms.is_(None))
    return or_(deliveries.c.state == DeliveryState.DEAD.value, given_up)


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    mine = deliveries.c.lease_owner == lease.owner
    return deliveries.c.id == lease.delivery_id, mine, deliveries.c.lease_until_ms == lease.until_ms
