"""The models that ship with the repository: registered once, so that a new system can answer at once."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import mlflow

from vigie.artifacts import verify
from vigie.catalogue import Family
from vigie_training import promotion
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.errors import RegistryUnreachable, Superseded, TrainingError
from vigie_training.evaluate import evaluate
from vigie_training.gate import Limits
from vigie_training.measuring import folder_mib, latency
from vigie_training.model_registry import ARTIFACT_FOLDER, ORIGIN_TAG, ModelRegistry
from vigie_training.publishing import publish
from vigie_training.recipes import Options, Report, find_recipe
from vigie_training.tracking import probe, tracked
from vigie_training.training import Job, judge_folder, train

STARTERS = Path(__file__).with_name("starter")
_PAUSE_SECONDS = 0.5


def wait_for_registry(
    tracking_uri: str, *, seconds: float, clock: Callable[[], float] = monotonic, pause: Callable[[float], None] = sleep
) -> None:
    """Returns when the server answers; raises `RegistryUnreachable` when it still does not after the deadline."""
    deadline = clock() + seconds
    while True:
        try:
            return probe(tracking_uri)
        except RegistryUnreachable:
            if clock() >= deadline:
                raise
            pause(_PAUSE_SECONDS)


def starter_folder(family: Family) -> Path | None:
    """The family's sealed artefact; null when none ships."""
    folder = STARTERS / family.name
    return folder if folder.is_dir() else None


def first_version(
    tracking_uri: str, family: Family, options: Options, *, who: str, limits: Limits, report: Report
) -> str:
    """Registers and promotes the family's starter, or else a small model fitted on the sample tweets; its version.

    Where somebody else's version came to serve meanwhile, that one's, and nothing is registered. Raises `TrainingError`
    when it does not pass the gate.
    """
    shipped = starter_folder(family)
    if shipped is not None:
        return register_starter(tracking_uri, family, shipped, who=who, limits=limits)
    outcome = train(tracking_uri, Job(family, read_file(SAMPLE_TWEETS), options, who, limits), report)
    if outcome.promoted:
        return outcome.version
    registry = ModelRegistry(family)
    registry.forget(outcome.version)
    if (served := registry.champion()) is None:
        raise TrainingError(f"{family.name}: the first model did not pass the gate: {outcome.verdict.summary()}")
    return served


@tracked
def register_starter(run: mlflow.ActiveRun, family: Family, shipped: Path, *, who: str, limits: Limits) -> str:
    """Registers the artefact in `shipped` and promotes it through the gate, judged on the sample tweets.

    Returns its version, or the champion that came to serve meanwhile, and then it is not registered; raises
    `TrainingError` when it does not pass.
    """
    mlflow.set_tags({"family": family.name, "mlflow.runName": f"{family.name} starter"})
    recipe = find_recipe(family.name)
    manifest = verify(shipped, family=family.name)
    fitted = recipe.load(shipped)
    job = Job(family, read_file(SAMPLE_TWEETS), Options(seed=0), who, limits)
    evaluation = evaluate(fitted.predict, job.rows)
    costs = {"size_mib": folder_mib(shipped), **latency(fitted.predict, job.rows.texts)}
    metrics = manifest.metrics | {f"{k}.sample_tweets": v for k, v in evaluation.metrics().items()} | costs
    registry = ModelRegistry(family)
    verdict, _ = judge_folder(job, shipped, evaluation, costs, registry)
    if not verdict.passed:
        raise TrainingError(f"{family.name}: the starter did not pass the gate: {verdict.summary()}")
    tags = {"family": family.name, ORIGIN_TAG: "starter"} | promotion.verdict_tags(verdict)
    try:
        with tempfile.TemporaryDirectory(prefix="vigie-") as place:
            folder = Path(shutil.copytree(shipped, Path(place) / ARTIFACT_FOLDER))
            version = publish(folder, family, run_id=run.info.run_id, tags=tags, metrics=metrics)
        promotion.promote(registry, version, verdict, who=who, at=datetime.now(UTC))
    except BaseException as problem:  # also when it is told to stop: a failed run has registered nothing
        registry.forget_run(run.info.run_id)
        served = registry.champion() if isinstance(problem, Superseded) else None
        if served is None:
            raise
        return served
    return version
