"""What follows from how an attempt ended."""

from dataclasses import replace

import pytest

from alerting.deliveries import Decision, Lease
from alerting.retries import Pauses, already_resent, decide
from alerting.smtp import Answer, Ending, Step
from vigie.alerts import DeliveryState, RaisedAlert

NOW = 1_790_000_000_000
HOUR = 3600 * 1000
LEASE = Lease(
    delivery_id=1,
    owner="me",
    until_ms=NOW + 60_000,
    alert=RaisedAlert(
        alert_key="k",
        scope="all",
        rule="errors",
        fired_ms=NOW,
        window_ms=1,
        cooldown_ms=1,
        suppressed_before=0,
        errors=[],
    ),
    recipient="ops@example.org",
    message_id="<k@example.org>",
    attempt=1,
    handed_over=0,
    queued_ms=NOW,
)


def decided(ending: Ending, step: Step = Step.RCPT, *, lease: Lease = LEASE, chance: float = 0.5) -> Decision:
    return decide(lease, Answer(ending, step, "450 later"), Pauses(), now_ms=NOW, chance=lambda: chance)


def test_an_accepted_mail_is_sent_with_the_servers_words() -> None:
    decision = decide(LEASE, Answer(Ending.ACCEPTED, Step.DATA, "250 ok"), Pauses(), now_ms=NOW, chance=lambda: 0)
    assert decision == Decision(DeliveryState.SENT, "250 ok", 0)


def test_a_refused_mail_is_dead_and_says_where() -> None:
    assert decided(Ending.REFUSED) == Decision(DeliveryState.DEAD, "RCPT TO: 450 later", 0)


@pytest.mark.parametrize(("ending", "limit"), [(Ending.DEFERRED, 900_000), (Ending.UNREACHABLE, 60_000)])
def test_pauses_grow_up_to_their_limit(ending: Ending, limit: int) -> None:
    pauses = [
        (decided(ending, lease=replace(LEASE, attempt=attempt)).next_attempt_ms or 0) - NOW for attempt in range(1, 40)
    ]
    assert pauses[0] == 3_000
    assert pauses == sorted(pauses)
    assert pauses[-1] == limit


def test_jitter_spreads_the_pauses() -> None:
    soon, late = (decided(Ending.DEFERRED, chance=chance).next_attempt_ms for chance in (0.0, 1.0))
    assert (soon, late) == (NOW + 2_400, NOW + 3_600)


def test_after_a_day_a_mail_is_dead() -> None:
    almost = replace(LEASE, queued_ms=NOW - 24 * HOUR + 1, attempt=99)
    assert decided(Ending.DEFERRED, lease=almost).state is DeliveryState.PENDING
    over = decided(Ending.DEFERRED, lease=replace(almost, queued_ms=NOW - 24 * HOUR))
    assert (over.state, over.next_attempt_ms) == (DeliveryState.DEAD, None)
    assert over.reply == "given up after 99 attempts; RCPT TO: 450 later"


def test_a_refused_login_waits_five_minutes() -> None:
    assert decided(Ending.UNAUTHORISED).next_attempt_ms == NOW + 300_000


def test_an_unanswered_mail_is_resent_once_after_two_minutes() -> None:
    first = decided(Ending.UNANSWERED, Step.DATA)
    assert first == Decision(DeliveryState.AMBIGUOUS, "DATA: 450 later", 1, NOW + 120_000)
    again = replace(LEASE, attempt=2, handed_over=1)
    assert already_resent(again) is None
    second = decided(Ending.UNANSWERED, Step.DATA, lease=again)
    assert (second.state, second.handed_over, second.next_attempt_ms) == (DeliveryState.AMBIGUOUS, 2, None)


def test_an_ambiguous_mail_stays_ambiguous_while_the_server_is_away() -> None:
    decision = decided(Ending.UNREACHABLE, lease=replace(LEASE, attempt=2, handed_over=1))
    assert (decision.state, decision.handed_over) == (DeliveryState.AMBIGUOUS, 1)
    assert decision.next_attempt_ms is not None


def test_a_third_copy_is_never_sent() -> None:
    decision = already_resent(replace(LEASE, attempt=3, handed_over=2))
    assert decision is not None
    assert (decision.state, decision.next_attempt_ms) == (DeliveryState.AMBIGUOUS, None)
