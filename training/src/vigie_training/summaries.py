"""What commands report, as plain records."""

from typing import Any

from vigie_training import ledger
from vigie_training.comparing import records
from vigie_training.model_registry import ModelRegistry
from vigie_training.promotion import VERDICT_TAG
from vigie_training.training import Outcome


def of_outcome(name: str, outcome: Outcome) -> dict[str, Any]:
    """One training."""
    return {
        "model": name,
        "version": outcome.version,
        "run_id": outcome.run_id,
        "promoted": outcome.promoted,
        "gate": outcome.verdict.model_dump(),
        "metrics": outcome.evaluation.metrics(),
        "costs": outcome.costs,
        "data_sets": records(outcome.evaluation.table),
    }


def sentence(name: str, outcome: Outcome) -> str:
    """One training in a line, the gate's numbers in a second one."""
    costs = outcome.costs
    state = "serves now" if outcome.promoted else f"does not serve: {outcome.verdict.summary()}"
    if outcome.verdict.passed and not outcome.promoted:
        state = f"is the challenger, {outcome.verdict.summary()}"
    return (
        f"{name}: version {outcome.version} {state} (fit {costs['training_seconds']:.1f} s, "
        f"peak {costs['peak_memory_mib']:.0f} MiB, {costs['size_mib']:.2f} MiB, {costs['latency_ms']:.2f} ms a tweet)\n"
        f"{name}: gate: {outcome.verdict.numbers()}"
    )


def of_versions(registry: ModelRegistry) -> list[dict[str, Any]]:
    """All versions, newest first."""
    return [
        {
            "version": version.number,
            "alias": ", ".join(version.aliases),
            "created": version.created_at.isoformat(timespec="seconds"),
            "gate": version.tags.get(VERDICT_TAG, ""),
            "data": version.tags.get("data_hash", version.tags.get("origin", ""))[:12],
            "run": version.run_id,
        }
        for version in registry.versions()
    ]


def of_ledger(registry: ModelRegistry) -> list[dict[str, Any]]:
    """Every move of the champion, oldest first."""
    if not registry.exists():
        return []
    return [
        {
            "at": entry.at.isoformat(timespec="seconds"),
            "who": entry.who,
            "kind": entry.kind,
            "from": entry.before or "",
            "to": entry.to,
            "forced": entry.forced,
            "verdict": entry.verdict,
            "why": entry.why,
        }
        for entry in ledger.read(registry)
    ]
