"""What a soak counts, and what of it is a fault. Nothing here waits or asks anybody."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HAND_OVER_SECONDS = 1.0
FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote that was answered with 200 or 201, or one that the store has."""

    prediction_id: str
    annotator: str
    verdict: str
    feedback_id: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it lies in the mailbox; `arrived` is unix time."""

    message_id: str
    arrived: float


@dataclass
class Tally:
    """Requests by what became of them. One request counts once in each column, however often it was tried again.

    `stated` are answers of 429 or 503 that said when to come back, by status. `in_flight` are requests that were cut
    off while the gateway was ended, `refused` those that found nobody listening until it was back.
    """

    requests: Counter[str] = field(default_factory=Counter)
    stated: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Copies:
    """Further copies of mails. `stated` ones are what the README of alerting allows: it was killed at the hand-over."""

    duplicates: int
    stated: int


def lost_votes(answered: Iterable[Vote], stored: Iterable[Vote]) -> set[Vote]:
    """Votes that stood when they were answered, and that the store does not have as they were given."""
    return set(answered) - set(stored)


def further_copies(mails: Iterable[Mail], kills: Sequence[float]) -> Copies:
    """Mails beyond the first with the same Message-ID; `kills` are the unix times at which alerting was killed.

    A second copy is stated when the first one arrived within `HAND_OVER_SECONDS` before a kill; a third one never is.
    """
    arrivals: defaultdict[str, list[float]] = defaultdict(list)
    for mail in mails:
        arrivals[mail.message_id].append(mail.arrived)
    further = stated = 0
    for times in arrivals.values():
        further += len(times) - 1
        if len(times) > 1:
            stated += any(0 <= kill - min(times) <= HAND_OVER_SECONDS for kill in kills)
    return Copies(further - stated, stated)


def faults(
    tally: Tally, *, most_in_flight: int, lost: int, copies: Copies, alerts: int, mails: int, unsent: int
) -> list[str]:
    """Everything for which a soak fails, as sentences; empty for a good one.

    `most_in_flight` is the number of requests that can be cut off by what was ended. `alerts` are those that the
    alerting service tells of, `mails` the different ones that arrived, `unsent` the deliveries that are not done.
    """
    found = tally.failures[:FAILURES_SHOWN]
    if len(tally.failures) > FAILURES_SHOWN:
        found.append(f"and {len(tally.failures) - FAILURES_SHOWN} more failures")
    if tally.in_flight > most_in_flight:
        found.append(f"expected at most {most_in_flight} requests to be cut off, got {tally.in_flight}")
    if lost:
        found.append(f"{lost} votes were answered and are not in the store")
    if copies.duplicates:
        found.append(f"{copies.duplicates} mails came more than once")
    if not alerts:
        found.append("expected at least one alert, got none")
    if unsent:
        found.append(f"{unsent} mails are not sent")
    if mails < alerts:
        found.append(f"expected a mail for each of {alerts} alerts, got {mails}")
    return found
