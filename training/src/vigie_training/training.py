"""One training from rows to a judged version."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import mlflow
import pandas as pd

from vigie.artifacts import ArtifactError
from vigie.catalogue import CHALLENGER, Family
from vigie_training import charts, promotion, reporting
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.errors import NotFetched, Refused, Superseded
from vigie_training.evaluate import Evaluation, evaluate
from vigie_training.feedback import FEEDBACK
from vigie_training.gate import Cost, Limits, Verdict, judge
from vigie_training.measuring import folder_mib, forget_peak_memory, latency, peak_memory_mib
from vigie_training.model_registry import (
    ARTIFACT_FOLDER,
    FEEDBACK_TAG,
    ORIGIN_TAG,
    RETRAINED,
    ModelRegistry,
    RegisteredVersion,
)
from vigie_training.packaging import golden_problem, package
from vigie_training.publishing import publish
from vigie_training.recipes import Options, Report, find_recipe
from vigie_training.rows import SOURCE, Rows
from vigie_training.settings import TrainingSettings
from vigie_training.splitting import held_out, split
from vigie_training.tracking import tracked

DATA_TAG = "data_hash"
GIVEN_TAG = "given_hash"
"""Of the rows without those that people voted on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, on what, who asks for it, what the gate allows, where else the artefact should go, and whether it
    serves at once if it passes, or is only a challenger.
    """

    family: Family
    rows: Rows
    options: Options
    who: str
    limits: Limits
    save_to: Path | None = None
    challenger: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A registered version, what it is like and whether it serves now."""

    version: str
    run_id: str
    promoted: bool
    verdict: Verdict
    evaluation: Evaluation
    costs: dict[str, float]


@tracked
def train(run: mlflow.ActiveRun, job: Job, report: Report) -> Outcome:
    """Splits, fits, evaluates, logs, registers, judges. Whatever fails before the end of the log registers nothing."""
    run_id = run.info.run_id
    mlflow.set_tags({"family": job.family.name, "mlflow.runName": f"{job.family.name} {run_id[:8]}"})
    report("splitting")
    parts = split(job.rows, job.options.seed)
    identity = {"family": job.family.name, DATA_TAG: job.rows.content_hash(), "split_seed": str(job.options.seed)}
    sizes = {f"rows_{name}": len(part) for name, part in zip(parts._fields, parts, strict=True)}
    mlflow.log_params(identity | sizes | {"data_sets": ",".join(job.rows.sources)})
    learnt = _votes_apart(job.rows)
    mlflow.log_params(learnt)
    recipe = find_recipe(job.family.name)
    forget_peak_memory()
    started = perf_counter()
    fitted = recipe.fit(parts, job.options, report)
    costs = {"training_seconds": perf_counter() - started, "peak_memory_mib": peak_memory_mib()}
    mlflow.log_params(fitted.parameters)
    report("evaluating")
    evaluation = evaluate(fitted.predict, parts.test)
    with tempfile.TemporaryDirectory(prefix="vigie-") as place:
        folder = Path(place) / ARTIFACT_FOLDER
        folder.mkdir()
        costs |= latency(fitted.predict, parts.test.texts)
        name, now = job.family.name, datetime.now(UTC)
        costs = package(fitted, recipe, folder, family=name, created_at=now, evaluation=evaluation, costs=costs)
        return _register(job, run_id, folder, evaluation, costs, tags=identity | learnt, report=report)


def _votes_apart(rows: Rows) -> dict[str, str]:
    given = rows.where((rows.frame[SOURCE] != FEEDBACK).to_numpy())
    return {FEEDBACK_TAG: str(len(rows) - len(given)), GIVEN_TAG: given.content_hash()}


def _register(
    job: Job,
    run_id: str,
    folder: Path,
    evaluation: Evaluation,
    costs: dict[str, float],
    *,
    tags: dict[str, str],
    report: Report,
) -> Outcome:
    registry = ModelRegistry(job.family)

    def compared() -> tuple[Verdict, pd.DataFrame]:
        return judge_folder(job, folder, evaluation, costs, registry, learnt_from=tags[GIVEN_TAG])

    report("comparing with the champion")
    judged, comparison = compared()
    report("publishing")
    _log_artefacts(evaluation, comparison)
    if job.save_to:
        reporting.put(folder, job.save_to / job.family.name)
    tags |= promotion.verdict_tags(judged) | ({ORIGIN_TAG: RETRAINED} if job.challenger else {})
    verdict, promoted = judged, False
    try:
        version = publish(folder, job.family, run_id=run_id, tags=tags, metrics=evaluation.metrics() | costs)
        mlflow.set_tags({"version": version, promotion.VERDICT_TAG: judged.summary()[:4000]})
        if job.challenger:
            if judged.passed:
                registry.try_out(version, CHALLENGER)
        else:
            verdict, promoted = _promoted(job, registry, version, judged, lambda: compared()[0])
            if verdict != judged:
                mlflow.set_tag(promotion.VERDICT_TAG, verdict.summary()[:4000])
    except BaseException:  # also when it is told to stop: a failed run has registered nothing, unless it serves by now
        registry.forget_run(run_id)
        raise
    return Outcome(version, run_id, promoted, verdict, evaluation, costs)


def _promoted(
    job: Job, registry: ModelRegistry, version: str, verdict: Verdict, again: Callable[[], Verdict]
) -> tuple[Verdict, bool]:
    """Judged `again` where somebody else's version came to serve meanwhile. A training is not lost by that, nor by a
    champion that others do not stop moving: then it can be promoted later, and its tags say why it was not.
    """

    def promote() -> bool:
        return promotion.promote(registry, version, verdict, who=job.who, at=datetime.now(UTC))

    try:
        try:
            promoted = promote()
        except Superseded:
            verdict = again()
            promoted = promote()
    except Refused as refused:
        verdict = verdict.model_copy(update={"passed": False, "reasons": [str(refused)]})
        promoted = promote()
    return verdict, promoted


def judge_version(registry: ModelRegistry, number: str, job: Job, report: Report, *, why: str = "") -> Verdict:
    """Judges a registered version on the job's held-out rows and makes it the champion; raises `Refused`.

    `why` it should serve goes into the ledger.
    """
    report("evaluating")
    with registry.artefact(number) as folder:
        fitted = find_recipe(job.family.name).load(folder)
        evaluation = evaluate(fitted.predict, held_out(job.rows))
        costs = {"size_mib": folder_mib(folder), **latency(fitted.predict, evaluation.rows.texts)}
        report("comparing with the champion")
        learnt_from = _given(registry.version(number))
        verdict, _ = judge_folder(job, folder, evaluation, costs, registry, learnt_from=learnt_from)
    if not promotion.promote(registry, number, verdict, who=job.who, at=datetime.now(UTC), why=why):
        raise Refused(f"{registry.name} version {number}: {verdict.summary()} ({verdict.numbers()})")
    return verdict


def judge_folder(
    job: Job,
    folder: Path,
    evaluation: Evaluation,
    costs: dict[str, float],
    registry: ModelRegistry,
    *,
    learnt_from: str = "",
) -> tuple[Verdict, pd.DataFrame]:
    """The gate's verdict on an artefact that was given rows of that hash, and the table of both per data set."""
    recipe = find_recipe(job.family.name)
    number = registry.champion()
    champion, broken = None, ""
    if number is not None:
        try:
            with registry.artefact(number) as served:
                champion = evaluate(recipe.load(served).predict, evaluation.rows)
        except (ArtifactError, NotFetched) as error:  # a training is not lost by that
            broken = f"the champion cannot be compared with: {error}"
    unfit = broken or _demonstration(registry, number, learnt_from)
    problem = unfit or golden_problem(recipe, folder, family=job.family.name)
    cost = Cost(costs["size_mib"], costs["latency_ms"])
    verdict = judge(evaluation, champion, number=number, problem=problem, cost=cost, limits=job.limits)
    tables = [evaluation.table.assign(version="candidate")]
    if champion:
        tables.append(champion.table.assign(version=number))
    return verdict, pd.concat(tables, ignore_index=True)


def _demonstration(registry: ModelRegistry, champion: str | None, learnt_from: str) -> str:
    """Why a model of the sample tweets must not take over from one of others: on so few rows any looks as good.

    Votes change nothing about that. Where the system is only tried out, it may.
    """
    if champion is None or TrainingSettings.read().vigie_env != "production":
        return ""
    samples = read_file(SAMPLE_TWEETS).content_hash()
    if learnt_from != samples or _given(registry.version(champion)) == samples:
        return ""
    return f"learnt from the sample tweets alone, and version {champion} did not: give it --data"


def _given(version: RegisteredVersion) -> str:
    """The hash of the rows that it was given; of what was trained before votes were told apart, of all rows."""
    return version.tags.get(GIVEN_TAG, version.tags.get(DATA_TAG, ""))


def _log_artefacts(evaluation: Evaluation, comparison: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory(prefix="vigie-") as place:
        comparison.to_csv(Path(place) / "comparison.csv", index=False)
        charts.draw(evaluation, Path(place))
        mlflow.log_artifacts(place, "evaluation")
