"""Moves the champion: by the gate, by force with a reason, or back along the ledger."""

from datetime import datetime
from typing import Literal

from vigie.ledger import Entry
from vigie_training import ledger
from vigie_training.errors import Refused
from vigie_training.gate import Verdict
from vigie_training.model_registry import ModelRegistry

VERDICT_TAG = "gate"


def promote(registry: ModelRegistry, number: str, verdict: Verdict, *, who: str, at: datetime) -> bool:
    """Tags the version with the verdict and, if it passed, makes it the champion; tells whether it did.

    Raises `Refused` when the champion is no longer the one that the verdict compared with.
    """
    registry.tag_version(number, VERDICT_TAG, verdict.summary()[:4000])
    if not verdict.passed:
        return False
    with registry.moving():
        if registry.champion() != verdict.champion:
            raise Refused(f"{registry.name}: the champion changed while version {number} was judged: judge it again")
        _move(registry, number, "promote", why=verdict.summary(), who=who, at=at, verdict=verdict)
    return True


def force(registry: ModelRegistry, number: str, *, why: str, who: str, at: datetime) -> None:
    """Makes the version the champion whatever the gate says; the reason is kept."""
    if not why.strip():
        raise Refused("expected a reason with --force, got none")
    registry.tag_version(number, VERDICT_TAG, f"forced: {why}"[:4000])
    with registry.moving():
        _move(registry, number, "promote", why=why, who=who, at=at, forced=True)


def rollback(registry: ModelRegistry, *, why: str, who: str, at: datetime) -> str:
    """Makes the champion's predecessor the champion again and returns its number; raises `Refused` without one."""
    with registry.moving():
        current = registry.champion()
        if current is None:
            raise Refused(f"{registry.name}: there is no champion to roll back from")
        before = ledger.predecessor(ledger.read(registry), current)
        if before is None:
            raise Refused(f"{registry.name}: nothing served before version {current}")
        registry.version(before)
        _move(registry, before, "rollback", why=why, who=who, at=at)
    return before


def _move(
    registry: ModelRegistry,
    number: str,
    kind: Literal["promote", "rollback"],
    *,
    why: str,
    who: str,
    at: datetime,
    forced: bool = False,
    verdict: Verdict | None = None,
) -> None:
    if registry.champion() == number:
        raise Refused(f"{registry.name}: version {number} is the champion already")
    entry = Entry(
        at=at,
        who=who,
        kind=kind,
        before=registry.champion(),
        to=number,
        why=why,
        forced=forced,
        metrics=verdict.metrics if verdict else {},
        metrics_before=verdict.metrics_before if verdict else {},
    )
    ledger.append(registry, entry)
    registry.set_champion(number)
