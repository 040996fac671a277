"""What follows from how an attempt ended: sent, again later, or dead. Time and chance are arguments."""

from collections.abc import Callable
from dataclasses import dataclass

from alerting.deliveries import Decision, Lease
from alerting.smtp import Answer, Ending
from vigie.alerts import DeliveryState
from vigie.durations import DAY_MS

GROWTH = 1.6
JITTER = 0.2
MOST_HANDED_OVER = 2


@dataclass(frozen=True, slots=True)
class Pauses:
    """In milliseconds. Pauses start at `first_ms` and grow up to a limit, a lower one while the server is away."""

    first_ms: int = 3_000
    limit_ms: int = 900_000
    unreachable_limit_ms: int = 60_000
    give_up_ms: int = DAY_MS
    ambiguous_ms: int = 120_000
    auth_ms: int = 300_000


def decide(lease: Lease, answer: Answer, pauses: Pauses, *, now_ms: int, chance: Callable[[], float]) -> Decision:
    """`chance` gives numbers from 0 to 1, for the jitter."""
    if answer.ending is Ending.ACCEPTED:
        return Decision(DeliveryState.SENT, answer.reply, 0)
    reply = f"{answer.step}: {answer.reply}"
    if answer.ending is Ending.UNANSWERED:
        return _unanswered(lease, reply, pauses, now_ms)
    if answer.ending is Ending.REFUSED:
        return Decision(DeliveryState.DEAD, reply, lease.handed_over)
    if now_ms - lease.queued_ms >= pauses.give_up_ms:
        return Decision(DeliveryState.DEAD, f"given up after {lease.attempt} attempts; {reply}", lease.handed_over)
    waiting = DeliveryState.AMBIGUOUS if lease.handed_over else DeliveryState.PENDING
    return Decision(waiting, reply, lease.handed_over, now_ms + _pause_ms(lease, answer, pauses, chance))


def already_resent(lease: Lease) -> Decision | None:
    """The end of a mail that was handed over twice without an answer: a third copy helps nobody."""
    if lease.handed_over < MOST_HANDED_OVER:
        return None
    return Decision(DeliveryState.AMBIGUOUS, "handed over twice, never answered", lease.handed_over)


def _unanswered(lease: Lease, reply: str, pauses: Pauses, now_ms: int) -> Decision:
    handed_over = lease.handed_over + 1
    again = now_ms + pauses.ambiguous_ms if handed_over < MOST_HANDED_OVER else None
    return Decision(DeliveryState.AMBIGUOUS, reply, handed_over, again)


def _pause_ms(lease: Lease, answer: Answer, pauses: Pauses, chance: Callable[[], float]) -> int:
    if answer.ending is Ending.UNAUTHORISED:
        return pauses.auth_ms
    limit = pauses.unreachable_limit_ms if answer.ending is Ending.UNREACHABLE else pauses.limit_ms
    grown = pauses.first_ms * GROWTH ** min(lease.attempt - 1, 60)
    return round(min(grown, limit) * (1 - JITTER + 2 * JITTER * chance()))
