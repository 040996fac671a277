"""`vigie-train`: train, judge, promote and list models."""

import os
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vigie.catalogue import CHALLENGER, SHADOW, find_family
from vigie_training import comparing, output, promotion, reporting, scoring, spark_scoring, starter, summaries, training
from vigie_training.arguments import MOST_SEED, Data, Json, Labels, Model, Seed, Why
from vigie_training.errors import TrainingError
from vigie_training.evaluate import evaluate as evaluate_rows
from vigie_training.feedback import fetch, qualified
from vigie_training.gate import Limits
from vigie_training.given import read_given
from vigie_training.model_registry import ModelRegistry
from vigie_training.plain_words import in_plain_words
from vigie_training.recipes import Options, families, find_recipe
from vigie_training.retraining import Thresholds, new_labels, reasons
from vigie_training.rows import Rows, joined
from vigie_training.settings import TrainingSettings, libraries_keep_quiet
from vigie_training.splitting import DEFAULT_SEED, held_out
from vigie_training.tracking import connect, end_by_signals
from vigie_training.training import Job

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)


@app.command()
def run(
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="A model family, or all.")] = "logreg",
    data: Data = "",
    labels: Labels = "auto",
    seed: Seed = DEFAULT_SEED,
    with_feedback: Annotated[
        bool, typer.Option("--with-feedback", help="Also learn from votes on which people agree (FEEDBACK_URL).")
    ] = False,
    save_to: Annotated[
        Path | None, typer.Option(help="Also write the artefact to a folder of the family's name in this one.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and fast, for demonstrations: a minute a family on the sample rows.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the tuning of the transformer that was interrupted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train, evaluate on held-out rows, log, register, and promote if the gate allows it."""
    settings = TrainingSettings.read()
    names = _known(model)
    if save_to:
        for name in names:
            reporting.make_place(save_to / name)
    connect(settings.mlflow_tracking_uri)
    votes = qualified(fetch(settings.feedback_url), settings.trusted_annotators) if with_feedback else None
    options = replace(_options(settings, seed, quick=quick), resume=resume)
    outcomes: list[tuple[str, training.Outcome]] = []
    try:
        for name in names:
            made = _train(settings, name, (data, labels), options=options, votes=votes, save_to=save_to)
            outcomes.append((name, made))
    finally:  # of several families, what was done before one failed is registered and has to be told
        if outcomes:
            _show_outcomes(outcomes, as_json=as_json)


@app.command()
def retrain(
    *,
    model: Model = "logreg",
    data: Data = "",
    labels: Labels = "auto",
    seed: Seed = DEFAULT_SEED,
    as_json: Json = False,
) -> None:
    """Train a challenger with feedback if that is due (RETRAIN_LABELS, RETRAIN_DAYS), and say why or why not.

    It serves on trial beside the champion, until `promote` makes it the champion; the first version of all serves at
    once if it passes the gate.
    """
    settings = TrainingSettings.read()
    registry = _registry(model)
    cast = fetch(settings.feedback_url)
    votes = qualified(cast, settings.trusted_annotators)
    newest = registry.newest()
    new = new_labels(newest, len(votes), cast, settings.trusted_annotators)
    thresholds = Thresholds(settings.retrain_labels, settings.retrain_days)
    why = reasons(newest, new, thresholds, now=datetime.now(UTC))
    if not why:
        output.show({"due": False, "labels": len(votes)}, [f"{model}: no training is due"], as_json=as_json)
        return
    options = _options(settings, seed)
    outcome = _train(settings, model, (data, labels), options=options, votes=votes, challenger=newest is not None)
    if as_json:
        output.show({"due": True, "why": why, **summaries.of_outcome(model, outcome)}, [], as_json=True)
        return
    output.show({}, [f"{model}: a training was due: {'; '.join(why)}"], as_json=False)
    _show_outcomes([(model, outcome)], as_json=False)


@app.command()
def score(
    source: Annotated[str, typer.Argument(help="Parquet or CSV with the column text, of any size.")],
    target: Annotated[str, typer.Argument(help="The Parquet file to write.")],
    *,
    model: Model = "logreg",
    version: Annotated[str, typer.Option(help="A version number; default: the champion.")] = "",
    engine: Annotated[
        Literal["local", "spark"],
        typer.Option(help="spark: Parquet in, a folder of Parquet files out; paths, or URLs that Spark knows."),
    ] = "local",
    as_json: Json = False,
) -> None:
    """Add probability_negative and prediction_label to every row of a file, a chunk at a time."""
    registry = _registry(model)
    number = version or _champion(registry)
    registry.version(number)
    if engine == "spark":
        rows = spark_scoring.score(f"models:/{registry.name}/{number}", source, target)
    else:
        given = Path(source)
        with registry.artefact(number) as folder, output.progress(scoring.steps(given)) as report:
            rows = scoring.score(find_recipe(registry.family.name).load(folder).predict, given, Path(target), report)
    shown = {"model": model, "version": number, "rows": rows, "written": target}
    output.show(shown, [f"{rows:,} rows scored by {model} version {number}: {target}"], as_json=as_json)


@app.command()
def evaluate(
    *,
    model: Model = "logreg",
    version: Annotated[str, typer.Option(help="A version number; default: the champion.")] = "",
    data: Data = "",
    labels: Labels = "auto",
    all_rows: Annotated[bool, typer.Option(help="Every row, not only the split's held-out ones.")] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a registered version on held-out rows; nothing is logged."""
    registry = _registry(model)
    number = version or _champion(registry)
    registry.version(number)
    with output.progress(None) as report:
        rows = read_given(data, labels, lambda file: report(f"reading {file}"))
        report("evaluating")
        with registry.artefact(number) as folder:
            fitted = find_recipe(model).load(folder)
            table = evaluate_rows(fitted.predict, rows if all_rows else held_out(rows)).table
    records = comparing.records(table)
    shown = {"model": model, "version": number, "data_sets": records}
    output.show(shown, [], as_json=as_json, tables=[output.table(f"{model} version {number}", records)])


@app.command()
def compare(
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="A model family, or all: the champion of each.")] = "all",
    data: Data = "",
    labels: Labels = "auto",
    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, help="Of the bootstrap that gives the intervals.")
    ] = DEFAULT_SEED,
    last: Annotated[int, typer.Option(min=1, help="Of one family: how many of the newest versions.")] = 5,
    to: Annotated[Path, typer.Option("--output", help="The table as CSV; the rest is written beside it.")] = Path(
        "comparison.csv"
    ),
    as_json: Json = False,
) -> None:
    """Compare models on the same held-out rows: metrics with intervals, costs, kinds of tweets, McNemar's tests."""
    settings = TrainingSettings.read()
    names = _known(model)
    reporting.make_room(to)
    connect(settings.mlflow_tracking_uri)
    with output.progress(None) as report:
        rows = read_given(data, labels, lambda file: report(f"reading {file}"))
        found = comparing.compare(names, held_out(rows), last=last, seed=seed, report=report)
        report("writing")
        files = reporting.write(found, to)
        reporting.log(settings.mlflow_tracking_uri, files, data_hash=rows.content_hash(), bootstrap_seed=seed)
    output.show(
        {part: comparing.records(getattr(found, part)) for part in ("table", "slices", "pairs")}
        | {"left_out": [asdict(one) for one in found.left_out]},
        [*reporting.absent(found), f"written: {', '.join(str(file) for file in files)}"],
        as_json=as_json,
        tables=[output.table(title, records) for title, records in reporting.for_people(found) if records],
    )


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="The version that should serve.")],
    *,
    model: Model = "logreg",
    data: Data = "",
    labels: Labels = "auto",
    force: Annotated[bool, typer.Option("--force", help="Overrule the gate; needs --reason.")] = False,
    reason: Why = "",
    as_json: Json = False,
) -> None:
    """Make a version the champion if it passes the gate on held-out rows."""
    settings = TrainingSettings.read()
    registry = _registry(model)
    registry.version(version)
    before = registry.champion()
    if before == version:
        raise TrainingError(f"{registry.name}: version {version} is the champion already")
    verdict = None
    if force:
        promotion.force(registry, version, why=reason, who=settings.actor(), at=datetime.now(UTC))
    else:
        with output.progress(None) as report:
            rows = read_given(data, labels, lambda file: report(f"reading {file}"))
            job = Job(find_family(model), rows, _options(settings), settings.actor(), _limits(settings))
            verdict = training.judge_version(registry, version, job, report, why=reason)
    shown: dict[str, Any] = {"model": model, "champion": version, "before": before, "forced": force}
    lines = [f"{model}: version {version} serves now, {before or 'nothing'} before"]
    if verdict:
        shown["gate"] = verdict.model_dump()
        lines.append(f"{model}: gate: {verdict.numbers()}")
    output.show(shown, lines, as_json=as_json)


@app.command()
def rollback(model: Model = "logreg", reason: Why = "", as_json: Json = False) -> None:
    """Make the champion's predecessor the champion again."""
    settings = TrainingSettings.read()
    registry = _registry(model)
    before = registry.champion()
    number = promotion.rollback(registry, why=reason or "rolled back", who=settings.actor(), at=datetime.now(UTC))
    shown = {"model": model, "champion": number, "before": before}
    output.show(shown, [f"{model}: version {number} serves again, {before} before"], as_json=as_json)


@app.command("try")
def try_out(
    version: Annotated[str, typer.Argument(help="A version number, or none: the trial ends.")],
    *,
    model: Model = "logreg",
    shadow: Annotated[bool, typer.Option("--shadow", help="Only listened to: nobody gets its answers.")] = False,
    as_json: Json = False,
) -> None:
    """Put a version on trial beside the champion: as challenger it answers CANARY_PERCENT of the tweets."""
    registry, alias = _registry(model), SHADOW if shadow else CHALLENGER
    if version == "none":
        registry.end_trial(alias)
    else:
        registry.try_out(version, alias)
    told = f"{model}: no {alias}" if version == "none" else f"{model}: version {version} is the {alias}"
    output.show({"model": model, alias: None if version == "none" else version}, [told], as_json=as_json)


@app.command("list")
def list_versions(
    model: Annotated[str, typer.Option("--model", "-m", help="A model family, or all.")] = "all", as_json: Json = False
) -> None:
    """List versions, newest first, with the gate's verdict and the ledger of champions."""
    found = {name: _registry(name) for name in _known(model)}
    shown = {
        name: {"versions": summaries.of_versions(registry), "ledger": summaries.of_ledger(registry)}
        for name, registry in found.items()
    }
    tables = [
        output.table(f"{name}: {part}", records)
        for name, parts in shown.items()
        for part, records in parts.items()
        if records
    ]
    empty = [f"{name}: no version yet" for name, parts in shown.items() if not parts["versions"]]
    output.show(shown, empty, as_json=as_json, tables=tables)


@app.command("starter")
def register_starters(
    as_json: Json = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Do not end afterwards: sleep, where an end looks like a failure (Compose).")
    ] = False,
) -> None:
    """Give a champion to every family in MODELS without one: what ships, or else fitted on the sample rows."""
    settings = TrainingSettings.read()
    starter.wait_for_registry(settings.mlflow_tracking_uri, seconds=settings.registry_wait_seconds)
    shown = {}
    for name in settings.models:
        number = _registry(name).champion()
        shown[name] = {"version": number or _first_version(settings, name), "registered": number is None}
    lines = [
        f"{name}: version {made['version']} {'registered and promoted' if made['registered'] else 'serves already'}"
        for name, made in shown.items()
    ]
    output.show(shown, lines, as_json=as_json)
    if stay:
        sys.stdout.flush()
        os.execlp("sleep", "sleep", "infinity")  # noqa: S606, S607 - instead of this process and the memory it holds


def main() -> None:
    """The console script: a foreseeable problem is one sentence on standard error and status 1."""
    end_by_signals()
    libraries_keep_quiet()
    try:
        app()
    except Exception as error:
        words = in_plain_words(error)
        if words is None:
            raise
        typer.echo(f"vigie-train: {words}", err=True)
        raise SystemExit(1) from None


def _first_version(settings: TrainingSettings, name: str) -> str:
    options = _options(settings, quick=True)
    with output.progress(None) as report:
        uri, who, limits = settings.mlflow_tracking_uri, settings.actor(), _limits(settings)
        return starter.first_version(uri, find_family(name), options, who=who, limits=limits, report=report)


def _train(
    settings: TrainingSettings,
    name: str,
    given: tuple[str, Labels],
    *,
    options: Options,
    votes: Rows | None,
    save_to: Path | None = None,
    challenger: bool = False,
) -> training.Outcome:
    data, labels = given
    find_recipe(name)  # a library that it lacks is told before anything is read
    with output.progress(None) as report:
        rows = read_given(data, labels, lambda file: report(f"reading {file}"))
        rows = rows if votes is None else joined([rows, votes])
        job = Job(find_family(name), rows, options, settings.actor(), _limits(settings), save_to, challenger)
        return training.train(settings.mlflow_tracking_uri, job, report)


def _show_outcomes(outcomes: list[tuple[str, training.Outcome]], *, as_json: bool) -> None:
    tables = [
        output.table(f"{name}: held-out rows", comparing.records(outcome.evaluation.table))
        for name, outcome in outcomes
    ]
    lines = [summaries.sentence(name, outcome) for name, outcome in outcomes]
    output.show(
        [summaries.of_outcome(name, outcome) for name, outcome in outcomes], lines, as_json=as_json, tables=tables
    )


def _registry(model: str) -> ModelRegistry:
    name, *others = _known(model)
    if others:
        raise TrainingError(f"--model: expected one family, got {model!r}")
    connect(TrainingSettings.read().mlflow_tracking_uri)
    return ModelRegistry(find_family(name))


def _known(model: str) -> list[str]:
    try:
        return families(model)
    except KeyError as error:
        raise TrainingError(f"--model: {error.args[0]}") from None


def _champion(registry: ModelRegistry) -> str:
    number = registry.champion()
    if number is None:
        raise TrainingError(f"{registry.name}: there is no champion: say --version, or train one")
    return number


def _options(settings: TrainingSettings, seed: int = DEFAULT_SEED, *, quick: bool = False) -> Options:
    return Options(seed, quick, settings.vigie_base_model, settings.vigie_sentence_encoder, home=settings.vigie_home)


def _limits(settings: TrainingSettings) -> Limits:
    return Limits(settings.gate_size_mib, settings.gate_latency_ms, settings.gate_calibration_error)
