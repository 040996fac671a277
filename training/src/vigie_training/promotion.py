"""Moves the champion: by the gate, by force with a reason, or back along the ledger."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from vigie.ledger import Entry
from vigie_training import ledger
from vigie_training.errors import Refused, Superseded
from vigie_training.gate import Verdict
from vigie_training.model_registry import ModelRegistry

VERDICT_TAG = "gate"
NUMBERS_TAG = "gate_numbers"
FORCED_TAG = "forced"


def promote(registry: ModelRegistry, number: str, verdict: Verdict, *, who: str, at: datetime, why: str = "") -> bool:
    """Tags the version with the verdict and its numbers and, if it passed, makes it the champion; tells whether it did.

    `why` it should serve is kept beside the verdict. Raises `Superseded`, and tags nothing, when the champion is no
    longer the one that the verdict compared with.
    """
    if not verdict.passed:
        _tag(registry, number, verdict)
        return False
    with registry.moving() as check:
        if registry.champion() != verdict.champion:
            raise Superseded(f"{registry.name}: the champion changed while version {number} was judged: judge it again")
        _tag(registry, number, verdict)
        entry = _entry(registry, number, "promote", why=why or verdict.summary(), who=who, at=at)
        _move(registry, entry.model_copy(update=_measured(verdict)), check)
    return True


def verdict_tags(verdict: Verdict) -> dict[str, str]:
    """The tags of a version that keep the verdict and its numbers."""
    numbers = verdict.model_dump_json(exclude={"passed", "reasons"})
    return {VERDICT_TAG: verdict.summary()[:4000], NUMBERS_TAG: numbers[:4000]}


def force(registry: ModelRegistry, number: str, *, why: str, who: str, at: datetime) -> None:
    """Makes the version the champion whatever the gate says; the reason is kept, and what the gate had said."""
    if not why.strip():
        raise Refused("expected a reason with --force, got none")
    verdict = registry.version(number).tags.get(VERDICT_TAG, "not judged")
    registry.tag_version(number, FORCED_TAG, why[:4000])
    with registry.moving() as check:
        entry = _entry(registry, number, "promote", why=why, who=who, at=at)
        _move(registry, entry.model_copy(update={"forced": True, "verdict": verdict}), check)


def rollback(registry: ModelRegistry, *, why: str, who: str, at: datetime) -> str:
    """Makes the champion's predecessor the champion again and returns its number; raises `Refused` without one.

    Versions that somebody deleted are passed over; the ledger says so before `why`.
    """
    with registry.moving() as check:
        current = registry.champion()
        if current is None:
            raise Refused(f"{registry.name}: there is no champion to roll back from")
        earlier = [number for number in ledger.predecessors(ledger.read(registry), current) if number != current]
        there = {version.number for version in registry.versions()}
        before = next((number for number in earlier if number in there), None)
        if before is None:
            nothing = "nothing that is still there" if earlier else "nothing"
            raise Refused(f"{registry.name}: {nothing} served before version {current}")
        if gone := dict.fromkeys(earlier[: earlier.index(before)]):
            why = f"passed over, since deleted: version {', '.join(gone)}; {why}"
        _move(registry, _entry(registry, before, "rollback", why=why, who=who, at=at), check)
    return before


def _tag(registry: ModelRegistry, number: str, verdict: Verdict) -> None:
    for key, value in verdict_tags(verdict).items():
        registry.tag_version(number, key, value)


def _entry(
    registry: ModelRegistry, number: str, kind: Literal["promote", "rollback"], *, why: str, who: str, at: datetime
) -> Entry:
    return Entry(at=at, who=who, kind=kind, before=registry.champion(), to=number, why=why)


def _measured(verdict: Verdict) -> dict[str, str | dict[str, float]]:
    return {"verdict": verdict.summary(), "metrics": verdict.metrics, "metrics_before": verdict.metrics_before}


def _move(registry: ModelRegistry, entry: Entry, check: Callable[[], None]) -> None:
    """`check` raises when the lock is held no longer."""
    if entry.before == entry.to:
        raise Refused(f"{registry.name}: version {entry.to} is the champion already")
    check()
    ledger.append(registry, entry)
    registry.set_champion(entry.to)
