"""Alerts and deliveries on both databases, with the clock in the test's hands."""

import asyncio

import pytest
from sqlalchemy import select, text

from alerting.deliveries import Decision
from alerting.rule import PastAlert
from alerting.silences import SilenceBook
from alerting.store import AlertStore, AuditNote
from alerting.tables import audit
from tests.integration.alerting.kept import MINUTE, NOON, Clock, message_id, queue_of, raised, to
from vigie.alerts import AlertState, DeliveryState, SilenceRequest
from vigie.errors import InvalidRequest, NotFound
from vigie.store import Store, StoreUnavailable


async def test_tables_can_be_made_by_several_at_once(url: str) -> None:
    stores = [Store(url) for _ in range(4)]
    await asyncio.gather(*(AlertStore(sql, now_ms=Clock()).prepare() for sql in stores))
    for sql in stores:
        await sql.close()


async def test_an_alert_is_kept_once_also_by_two_at_the_same_time(store: AlertStore) -> None:
    kept = await asyncio.gather(*(store.keep(raised("a"), to("ops@x.org", "boss@x.org")) for _ in range(8)))
    assert sorted(kept) == [False] * 7 + [True]
    (alert,) = (await store.page(limit=10, cursor=None)).items
    assert [delivery.recipient for delivery in alert.deliveries] == ["ops@x.org", "boss@x.org"]


async def test_an_alert_kept_again_for_other_recipients_mails_nobody(store: AlertStore) -> None:
    await store.keep(raised("a"), to("ops@x.org"))
    assert not await store.keep(raised("a"), to("new@x.org"))
    (alert,) = (await store.page(limit=10, cursor=None)).items
    assert len(alert.deliveries) == 1


async def test_the_history_is_newest_first_in_pages(store: AlertStore) -> None:
    for number in range(5):
        await store.keep(raised(f"k{number}", fired_ms=NOON + number), to("ops@x.org"))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.page(limit=2, cursor=cursor)
        seen += [alert.alert_id for alert in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["k4", "k3", "k2", "k1", "k0"]
    first = (await store.page(limit=1, cursor=None)).items[0]
    assert (first.count, first.suppressed_before, first.state) == (3, 4, AlertState.FIRING)
    assert first.prediction_ids == ["k40", "k41", "k42"]
    assert first.fired_at.isoformat() == "2026-09-21T14:13:20.004000+00:00"


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "９", "1" * 30, ""])
async def test_a_cursor_of_somebody_else_is_an_error(store: AlertStore, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor: expected a next_cursor of an earlier answer"):
        await store.page(limit=1, cursor=cursor)


async def test_past_alerts_and_firing_ones_are_found(store: AlertStore) -> None:
    await store.keep(raised("old", fired_ms=NOON - MINUTE), to("ops@x.org"))
    await store.keep(raised("new"), to("ops@x.org"))
    assert await store.past_alerts(NOON) == [PastAlert("new", "all", NOON, NOON - 7)]
    old, new = await store.firing()
    await store.resolve([old], message_id)
    await store.resolve([old], message_id)
    assert await store.firing() == [new]
    states = [alert.state for alert in (await store.page(limit=9, cursor=None)).items]
    assert states == [AlertState.FIRING, AlertState.RESOLVED]


async def test_the_audit_trail_forgets_after_ninety_days(store: AlertStore, clock: Clock) -> None:
    await store.note([AuditNote("all", "p1", "withdrawn", 2)])
    clock.now += 91 * 24 * 60 * MINUTE
    await store.note([AuditNote("all", "p2", "fired", 1)])
    await store.note([])
    rows = await store.read(lambda connection: connection.execute(select(audit)).all())
    assert [(row.subject, row.what, row.revision) for row in rows] == [("p2", "fired", 1)]


async def test_a_delivery_is_leased_to_one_worker(store: AlertStore) -> None:
    await store.keep(raised("a"), to(*(f"r{n}@x.org" for n in range(6))))
    queues = [queue_of(store, f"w{n}") for n in range(4)]
    leases = await asyncio.gather(*(queue.lease() for queue in queues for _ in range(3)))
    taken = [lease for lease in leases if lease]
    assert sorted(lease.recipient for lease in taken) == [f"r{n}@x.org" for n in range(6)]
    assert all(
        lease.alert == raised("a").model_copy(update={"episode_key": "a"}) and lease.attempt == 1 for lease in taken
    )


async def test_a_lease_ends_and_another_worker_goes_on(store: AlertStore, clock: Clock) -> None:
    await store.keep(raised("a"), to("ops@x.org"))
    one, two = queue_of(store, "one"), queue_of(store, "two")
    lost = await one.lease()
    assert lost is not None
    assert await one.hand_over([lost], lost.message_id)
    assert await two.next_due_ms() == NOON + MINUTE
    clock.now += MINUTE - 1
    assert await two.lease() is None
    clock.now += 1
    taken = await two.lease()
    assert taken is not None
    assert (taken.attempt, taken.handed_over) == (2, 1)
    assert not await one.hand_over([lost], lost.message_id)
    assert not await one.finish(lost, Decision(DeliveryState.SENT, "250 ok", 0))
    assert await two.finish(taken, Decision(DeliveryState.SENT, "250 ok", 0))
    assert await two.lease() is None
    assert await two.next_due_ms() is None


async def test_a_lease_that_has_ended_hands_nothing_over(store: AlertStore, clock: Clock) -> None:
    await store.keep(raised("a"), to("ops@x.org"))
    queue = queue_of(store)
    lease = await queue.lease()
    assert lease is not None
    clock.now += MINUTE
    assert not await queue.hand_over([lease], lease.message_id)


@pytest.mark.parametrize("handed_over", [0, 1])
async def test_a_digest_that_a_worker_did_not_finish_stays_one(
    store: AlertStore, clock: Clock, handed_over: int
) -> None:
    for key in ("a", "b", "c"):
        await store.keep(raised(key), to("ops@x.org"))
    clock.now += 60 * MINUTE
    one, two = queue_of(store, "one"), queue_of(store, "two")
    lost = await one.lease()
    assert lost is not None
    together = [lost, *await one.lease_company(lost, waiting_since_ms=clock.now - 30 * MINUTE)]
    assert handed_over == 0 or await one.hand_over(together, "<digest@x.org>")
    assert await two.lease() is None
    clock.now += MINUTE
    taken = await two.lease()
    assert taken is not None
    company = await two.lease_company(taken, waiting_since_ms=clock.now - 30 * MINUTE)
    assert [lease.alert.alert_key for lease in [taken, *company]] == ["a", "b", "c"]
    assert {(lease.handed_over, lease.attempt) for lease in [taken, *company]} == {(handed_over, 2)}
    assert not await one.hand_over(together, "<digest@x.org>")


async def test_a_mail_that_was_given_up_keeps_nobody_company(store: AlertStore, clock: Clock) -> None:
    for key in ("a", "b"):
        await store.keep(raised(key), to("ops@x.org"))
    queue = queue_of(store)
    first, second = await queue.lease(), await queue.lease()
    assert first is not None
    assert second is not None
    assert await queue.hand_over([first, second], "<digest@x.org>")
    await queue.finish(first, Decision(DeliveryState.AMBIGUOUS, "gone", 1, clock.now))
    await queue.finish(second, Decision(DeliveryState.AMBIGUOUS, "gone", 2))
    again = await queue.lease()
    assert again is not None
    assert await queue.lease_company(again, waiting_since_ms=clock.now) == []


async def test_a_delivery_waits_for_its_time(store: AlertStore, clock: Clock) -> None:
    await store.keep(raised("a"), to("ops@x.org"))
    queue = queue_of(store)
    lease = await queue.lease()
    assert lease is not None
    await queue.finish(lease, Decision(DeliveryState.PENDING, "451 later", 0, NOON + 5000))
    assert await queue.lease() is None
    assert await queue.next_due_ms() == NOON + 5000
    clock.now += 5000
    again = await queue.lease()
    assert again is not None
    assert again.attempt == 2


async def test_dead_mails_are_shown_and_can_be_tried_again(store: AlertStore, clock: Clock) -> None:
    await store.keep(raised("a"), to("dead@x.org", "lost@x.org", "sent@x.org"))
    queue = queue_of(store)
    for decision in (
        Decision(DeliveryState.DEAD, "550 no", 0),
        Decision(DeliveryState.AMBIGUOUS, "gone", 2),
        Decision(DeliveryState.SENT, "250 ok", 0),
    ):
        lease = await queue.lease()
        assert lease is not None
        await queue.finish(lease, decision)
    dead = await queue.dead()
    assert [(mail.recipient, mail.state, mail.reply) for mail in dead] == [
        ("dead@x.org", DeliveryState.DEAD, "550 no"),
        ("lost@x.org", DeliveryState.AMBIGUOUS, "gone"),
    ]
    counts = await queue.counts()
    assert (counts[DeliveryState.DEAD], counts[DeliveryState.SENT], counts[DeliveryState.PENDING]) == (1, 1, 0)
    clock.now += MINUTE
    assert await queue.replay([dead[0].delivery_id]) == 1
    assert await queue.replay() == 1
    assert await queue.dead() == []
    lease = await queue.lease()
    assert lease is not None
    assert (lease.attempt, lease.handed_over, lease.queued_ms) == (1, 0, NOON + MINUTE)


async def test_a_database_that_is_gone_is_said_so(store: AlertStore) -> None:
    await store.write(lambda connection: connection.execute(text("DROP TABLE alert_audit")))
    with pytest.raises(StoreUnavailable, match="the store refuses to write"):
        await store.note([AuditNote("all", "p", "fired")])
    with pytest.raises(StoreUnavailable, match="the store does not answer"):
        await store.read(lambda connection: connection.execute(text("SELECT * FROM nowhere")))


async def test_an_alert_in_a_silence_is_kept_and_mails_nobody(store: AlertStore, clock: Clock) -> None:
    book = SilenceBook(store)
    silence = await book.make(SilenceRequest(scope="all", rule="errors", hours=1, reason="known"))
    await store.keep(raised("a"), to("ops@x.org"))
    await store.keep(raised("b", scope="logreg:3"), to("ops@x.org"))
    clock.now += 60 * MINUTE - 1
    assert await store.keep(raised("c"), to("ops@x.org"))
    clock.now += 1
    assert await store.keep(raised("d"), to("ops@x.org"))
    shown = {
        alert.alert_id: (alert.silenced, len(alert.deliveries))
        for alert in (await store.page(limit=9, cursor=None)).items
    }
    assert shown == {"a": (True, 0), "b": (False, 1), "c": (True, 0), "d": (False, 1)}
    assert (await book.end(silence.silence_id)).ended_at is None, "it was over"


async def test_a_silence_can_be_ended_and_every_step_is_in_the_audit_trail(store: AlertStore) -> None:
    book = SilenceBook(store)
    silence = await book.make(SilenceRequest(scope="*", hours=24))
    await store.keep(raised("a"), to("ops@x.org"))
    assert not (await book.end(silence.silence_id)).active
    await store.keep(raised("b"), to("ops@x.org"))
    first = await book.call_false("b")
    assert (await book.call_false("b")).false_alarm_at == first.false_alarm_at is not None
    with pytest.raises(NotFound, match="no such alert"):
        await book.call_false("unknown")
    with pytest.raises(NotFound):
        await book.end("unknown")
    rows = await store.read(lambda connection: connection.execute(select(audit).order_by(audit.c.id)).all())
    assert [row.what for row in rows] == [
        "silence begins",
        "silenced",
        "silence ended",
        "raised",
        "called a false alarm",
    ]


async def test_the_end_is_mailed_to_those_who_were_told_of_the_beginning(store: AlertStore) -> None:
    await store.keep(raised("a"), to("told@x.org", "dead@x.org"))
    queue = queue_of(store)
    for state in (DeliveryState.SENT, DeliveryState.DEAD):
        lease = await queue.lease()
        assert lease is not None
        await queue.finish(lease, Decision(state, "", 0))
    (alert,) = await store.firing()
    await store.resolve([alert], message_id)
    await store.resolve([alert], message_id)
    over = await queue.lease()
    assert over is not None
    assert (over.recipient, over.kind, over.resolved_ms) == ("told@x.org", "resolved", NOON)
    assert over.message_id == "<resolved.a.told@x.org>"
    assert await queue.lease() is None


async def test_a_long_incident_ends_in_one_mail_to_each(store: AlertStore, clock: Clock) -> None:
    queue = queue_of(store)
    for key in ("a", "b", "c"):
        await store.keep(raised(key), to("told@x.org", *([] if key == "c" else ["before@x.org"])))
        while lease := await queue.lease():
            await queue.finish(lease, Decision(DeliveryState.SENT, "", 0))
        clock.now += 15 * MINUTE
    await store.keep(raised("late"), to("late@x.org"))
    await store.keep(raised("other", scope="logreg:3"), to("told@x.org"))
    *episode, other = await store.firing()
    assert other.scope == "logreg:3"
    await store.resolve(episode, message_id)
    await store.tell_late_ends(message_id)
    sent = []
    while lease := await queue.lease():
        sent.append((lease.kind, lease.recipient, lease.alert.alert_key))
        await queue.finish(lease, Decision(DeliveryState.SENT, "", 0))
        clock.now += 1
    assert sorted(sent) == [
        ("raised", "late@x.org", "late"),
        ("raised", "told@x.org", "other"),
        ("resolved", "before@x.org", "b"),
        ("resolved", "told@x.org", "c"),
    ]
    await store.tell_late_ends(message_id)
    over = await queue.lease()
    assert over is not None
    assert (over.kind, over.recipient, over.alert.alert_key) == ("resolved", "late@x.org", "late")
    assert await queue.lease() is None


async def test_who_is_told_of_an_alert_after_its_end_was_mailed_is_told_of_the_end_again(
    store: AlertStore, clock: Clock
) -> None:
    queue = queue_of(store)
    for key in ("a", "b"):
        await store.keep(raised(key), to("told@x.org"))
    first, second = await queue.lease(), await queue.lease()
    assert first is not None
    assert second is not None
    await queue.finish(first, Decision(DeliveryState.SENT, "", 0))
    await store.resolve(await store.firing(), message_id)
    over = await queue.lease()
    assert over is not None
    assert (over.kind, over.alert.alert_key) == ("resolved", "a")
    await queue.finish(over, Decision(DeliveryState.SENT, "", 0))
    clock.now += MINUTE
    await queue.finish(second, Decision(DeliveryState.SENT, "", 0))
    await store.tell_late_ends(message_id)
    await store.tell_late_ends(message_id)
    again = await queue.lease()
    assert again is not None
    assert (again.kind, again.alert.alert_key) == ("resolved", "b")
    assert await queue.lease() is None


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.AMBIGUOUS])
async def test_who_is_told_of_an_alert_that_is_over_is_told_of_its_end_too(
    store: AlertStore, clock: Clock, state: DeliveryState
) -> None:
    await store.keep(raised("a"), to("told@x.org", "dead@x.org", "waiting@x.org"))
    queue = queue_of(store)
    (alert,) = await store.firing()
    await store.resolve([alert], message_id)
    await store.tell_late_ends(message_id)
    clock.now += 20 * MINUTE
    for decision in (Decision(state, "", 0), Decision(DeliveryState.DEAD, "", 0)):
        lease = await queue.lease()
        assert lease is not None
        await queue.finish(lease, decision)
    await store.tell_late_ends(message_id)
    await store.tell_late_ends(message_id)
    assert (await queue.counts())[DeliveryState.PENDING] == 2
    waiting, over = await queue.lease(), await queue.lease()
    assert waiting is not None
    assert waiting.recipient == "waiting@x.org"
    assert over is not None
    assert (over.recipient, over.kind, over.message_id) == ("told@x.org", "resolved", "<resolved.a.told@x.org>")
    assert over.resolved_ms == NOON


@pytest.mark.parametrize(("minutes", "mails"), [(1, 1), (20, 0)])
async def test_the_end_that_a_digest_told_is_not_mailed_again(
    store: AlertStore, clock: Clock, minutes: int, mails: int
) -> None:
    for key in ("a", "b"):
        await store.keep(raised(key), to("ops@x.org"))
    await store.resolve(await store.firing(), message_id)
    clock.now += minutes * MINUTE
    queue = queue_of(store)
    leases = [lease for lease in [await queue.lease(), await queue.lease()] if lease]
    assert await queue.hand_over(leases, "<digest@x.org>")
    for lease in leases:
        await queue.finish(lease, Decision(DeliveryState.SENT, "", 0))
    await store.tell_late_ends(message_id)
    assert (await queue.counts())[DeliveryState.PENDING] == mails


async def test_alerts_of_one_episode_name_its_first_one(store: AlertStore) -> None:
    for key, scope in (("a", "all"), ("b", "all"), ("c", "logreg:3")):
        await store.keep(raised(key, scope=scope), to("ops@x.org"))
    leases = [lease for lease in [await queue_of(store).lease() for _ in range(3)] if lease]
    assert [lease.alert.episode_key for lease in leases] == ["a", "a", "c"]
