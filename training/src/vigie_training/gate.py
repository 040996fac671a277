"""Decides whether a version may become the champion."""

from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import binomtest

from vigie_training.evaluate import Evaluation
from vigie_training.rows import POOLED, SOURCE

SIGNIFICANCE = 0.05
FEWEST_ROWS = 100


class Limits(NamedTuple):
    """What a model may cost, and how far its probabilities may be from the truth."""

    size_mib: float
    latency_ms: float
    calibration_error: float


class Cost(NamedTuple):
    """What a model costs: folder size, median latency of one tweet."""

    size_mib: float
    latency_ms: float


class Verdict(BaseModel):
    """Whether the version passed, and every reason why not; the metrics of both on the same rows, pooled; `costs` as
    in `Cost`, `limits` as in `Limits`.
    """

    model_config = ConfigDict(frozen=True)

    passed: bool
    champion: str | None
    reasons: list[str]
    p_values: dict[str, float] = {}
    metrics: dict[str, float] = {}
    metrics_before: dict[str, float] = {}
    costs: dict[str, float] = {}
    limits: dict[str, float] = {}

    def summary(self) -> str:
        """One line for people and tags."""
        if not self.passed:
            return "; ".join(self.reasons)
        return "passed" if self.champion is None else f"passed against version {self.champion}"

    def numbers(self) -> str:
        """What was measured, beside the champion's and what is allowed, for people."""
        before = self.metrics_before
        parts = [
            f"{name.replace('_', ' ')} {value:.4f}" + (f" ({before[name]:.4f} before)" if name in before else "")
            for name, value in self.metrics.items()
        ]
        parts += [f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.costs.items()]
        parts += [f"McNemar p {value:.2g} on {name}" for name, value in self.p_values.items()]
        allowed = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in self.limits.items())
        return f"{', '.join(parts)}; allowed: {allowed}"


def judge(
    candidate: Evaluation, champion: Evaluation | None, *, number: str | None, problem: str, cost: Cost, limits: Limits
) -> Verdict:
    """Compares on the same held-out rows; `number` is the champion's, `problem` what else speaks against the candidate.

    The candidate has to beat chance. Against a champion: McNemar's exact test, one-sided, on all rows and on each data
    set of at least 100, with Bonferroni's correction (McNemar 1947).
    """
    reasons = [problem] if problem else []
    if cost.size_mib > limits.size_mib:
        reasons.append(f"size: expected at most {limits.size_mib:g} MiB, got {cost.size_mib:.1f}")
    if cost.latency_ms > limits.latency_ms:
        reasons.append(f"latency: expected at most {limits.latency_ms:g} ms a tweet, got {cost.latency_ms:.1f}")
    error = candidate.metrics()["calibration_error"]
    if error > limits.calibration_error:
        reasons.append(f"calibration error: expected at most {limits.calibration_error:g}, got {error:.3f}")
    if (p := _chance(candidate)) >= SIGNIFICANCE:
        reasons.append(f"not better than chance (p = {p:.2g})")
    p_values = _worse(candidate, champion) if champion else {}
    level = SIGNIFICANCE / max(1, len(p_values))
    for name, p in p_values.items():
        if p < level:
            reasons.append(f"worse than version {number} on {name} (McNemar p = {p:.2g} < {level:.2g})")
    return Verdict(
        passed=not reasons,
        champion=number,
        reasons=reasons,
        p_values=p_values,
        metrics=candidate.pooled(),
        metrics_before=champion.pooled() if champion else {},
        costs=cost._asdict(),
        limits=limits._asdict(),
    )


def _worse(candidate: Evaluation, champion: Evaluation) -> dict[str, float]:
    """The chance of as many lost rows as were lost if both were equally good, per data set."""
    lost, won = champion.right & ~candidate.right, candidate.right & ~champion.right
    sources = candidate.rows.frame[SOURCE].to_numpy()
    masks = {POOLED: candidate.rows.once()}
    if len(candidate.rows.sources) > 1:
        masks |= {source: sources == source for source in candidate.rows.sources}
    return {
        name: sign_test(int(lost[mask].sum()), int(won[mask].sum()))
        for name, mask in masks.items()
        if name == POOLED or mask.sum() >= FEWEST_ROWS
    }


def _chance(candidate: Evaluation) -> float:
    """The chance of as many right answers, balanced over the labels, for a coin."""
    once = candidate.rows.once()
    labels, right = candidate.rows.labels[once], candidate.right[once]
    pairs = int(2 * min((labels == 0).sum(), (labels == 1).sum()))
    balanced = np.mean([right[labels == label].mean() for label in (0, 1)])
    return float(binomtest(round(balanced * pairs), pairs, 0.5, alternative="greater").pvalue)


def sign_test(lost: int, won: int) -> float:
    """McNemar's exact test, one-sided: the chance of as many lost rows if both models were equally good."""
    if lost + won == 0:
        return 1.0
    return float(binomtest(lost, lost + won, 0.5, alternative="greater").pvalue)
