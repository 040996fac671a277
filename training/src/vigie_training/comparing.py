"""Models side by side on the same held-out rows: how good, how sure, at what cost, and where."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from vigie.artifacts import ArtifactError
from vigie.catalogue import CHAMPION, find_family
from vigie_training.bootstrap import intervals
from vigie_training.errors import Refused
from vigie_training.evaluate import Evaluation, evaluate
from vigie_training.measuring import folder_mib, latency, resources
from vigie_training.metrics import METRICS
from vigie_training.model_registry import ModelRegistry, RegisteredVersion
from vigie_training.recipes import Report, find_recipe
from vigie_training.rows import POOLED, SOURCE, Rows
from vigie_training.slices import by_slice

COSTS = ("training_seconds", "peak_memory_mib", "size_mib", "latency_ms", "tweets_per_second", "memory_mib", "cpu_ms")


@dataclass(frozen=True, slots=True)
class Contestant:
    """One registered version, judged; costs as in `COSTS`, those that nobody measured are missing."""

    family: str
    version: str
    champion: bool
    evaluation: Evaluation
    costs: dict[str, float]

    @property
    def name(self) -> str:
        """`family version`."""
        return f"{self.family} {self.version}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A version that cannot be compared, or a family that nothing of serves (`version` is null), and why."""

    family: str
    version: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`table`: a line per model and data set; `slices`: per model and kind of tweet; `pairs`: McNemar's tests."""

    contestants: list[Contestant]
    left_out: list[LeftOut]
    table: pd.DataFrame
    slices: pd.DataFrame
    pairs: pd.DataFrame


def compare(families: Sequence[str], rows: Rows, *, last: int, seed: int, report: Report) -> Comparison:
    """One family: its newest `last` versions and the champion; several: their champions. Broken artefacts are left out.

    Raises `Refused` when no version is left, `NotFetched` when one may be sound and could not be fetched.
    """
    contestants: list[Contestant] = []
    left_out: list[LeftOut] = []
    for family in families:
        registry = ModelRegistry(find_family(family))
        chosen = _chosen(registry, last if len(families) == 1 else 0)
        if not chosen:
            left_out.append(LeftOut(family, None, "it has no champion"))
        for version in chosen:
            report(f"evaluating {family} {version.number}")
            try:
                contestants.append(_judged(family, registry, version, rows))
            except ArtifactError as error:
                left_out.append(LeftOut(family, version.number, " ".join(str(error).split())))
    if not contestants:
        reasons = "; ".join(f"{one.family} {one.version}: {one.reason}" for one in left_out if one.version)
        problem = f"{', '.join(families)}: expected versions to compare, got none with a sound artefact"
        raise Refused(f"{problem}: {reasons}" if reasons else problem)
    report("drawing intervals")
    table = pd.concat([_with_intervals(one, seed) for one in contestants], ignore_index=True)
    slices = [by_slice(one.evaluation).assign(model=one.name) for one in contestants]
    return Comparison(contestants, left_out, table, pd.concat(slices, ignore_index=True), _pairs(contestants))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table for people and for JSON; what has no value is null."""
    return [
        {str(key): None if isinstance(value, float) and pd.isna(value) else value for key, value in line.items()}
        for line in table.to_dict("records")
    ]


def quality(comparison: Comparison) -> list[dict[str, Any]]:
    """One line per model and data set for a terminal: every metric with its interval."""
    return [
        {"model": line["model"], "data set": line["data_set"], "rows": line["rows"]}
        | {name: _with_ends(line, name) for name in METRICS}
        for line in comparison.table.to_dict("records")
    ]


def costs(comparison: Comparison) -> list[dict[str, Any]]:
    """One line per model for a terminal: what it costs; empty where nobody measured."""
    return [
        {"model": one.name, "champion": "yes" if one.champion else ""}
        | {name: _short(one.costs[name]) if name in one.costs else "" for name in COSTS}
        for one in comparison.contestants
    ]


def _chosen(registry: ModelRegistry, last: int) -> list[RegisteredVersion]:
    return [found for at, found in enumerate(registry.versions()) if at < last or CHAMPION in found.aliases]


def _judged(family: str, registry: ModelRegistry, version: RegisteredVersion, rows: Rows) -> Contestant:
    with registry.artefact(version.number) as folder:
        fitted = find_recipe(family).load(folder)
        evaluation = evaluate(fitted.predict, rows)
        measured = {"size_mib": folder_mib(folder), **latency(fitted.predict, rows.texts)}
        measured |= resources(family, folder, rows.texts)
    return Contestant(
        family, version.number, CHAMPION in version.aliases, evaluation, registry.costs(version.run_id) | measured
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _with_ends(line: dict[Hashable, Any], metric: str) -> str:
    if pd.isna(line[metric]):
        return ""
    return f"{line[metric]:.3f} ({line[f'{metric}_low']:.3f}–{line[f'{metric}_high']:.3f})"


def _with_intervals(one: Contestant, seed: int) -> pd.DataFrame:
    """The table of an evaluation with `<metric>_low` and `<metric>_high`, and the costs on the pooled line."""
    labels, positive = one.evaluation.rows.labels, one.evaluation.positive
    sources = one.evaluation.rows.frame[SOURCE].to_numpy()
    identity = {"model": one.name, "family": one.family, "version": one.version, "champion": one.champion}
    once, lines = one.evaluation.rows.once(), []
    for line in one.evaluation.table.to_dict("records"):
        mask = once if line["data_set"] == POOLED else sources == line["data_set"]
        ends = intervals(labels[mask], positive[mask], seed=seed)
        for metric in METRICS:
            line[f"{metric}_low"], line[f"{metric}_high"] = ends[metric]
        costs = one.costs if line["data_set"] == POOLED else {}
        lines.append(identity | line | {name: costs.get(name, float("nan")) for name in COSTS})
    return pd.DataFrame(lines)


def _pairs(contestants: Sequence[Contestant]) -> pd.DataFrame:
    """McNemar's exact test, two-sided, of each pair on all rows: who alone is right how often (McNemar 1947)."""
    once, lines = contestants[0].evaluation.rows.once(), []
    for at, one in enumerate(contestants):
        for other in contestants[at + 1 :]:
            mine = int((one.evaluation.right & ~other.evaluation.right & once).sum())
            theirs = int((other.evaluation.right & ~one.evaluation.right & once).sum())
            p = binomtest(mine, mine + theirs, 0.5).pvalue if mine + theirs else 1.0
            lines.append(
                {"model": one.name, "other": other.name, "only_model": mine, "only_other": theirs, "p": float(p)}
            )
    return pd.DataFrame(lines, columns=["model", "other", "only_model", "only_other", "p"])
