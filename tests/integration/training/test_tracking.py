"""The decorator that opens a run, against a plain SQLite file: what it does is the same in front of a server."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tests.support.rows import made_up
from tests.support.servers import free_port
from vigie.catalogue import find_family
from vigie_training import model_registry, training
from vigie_training.errors import RegistryUnreachable, TrainingError
from vigie_training.gate import Limits, Verdict
from vigie_training.model_registry import ModelRegistry
from vigie_training.promotion import VERDICT_TAG
from vigie_training.recipes import Options
from vigie_training.tracking import EXPERIMENT, tracked

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]


@pytest.fixture
def client(at_file: str) -> Iterator[MlflowClient]:
    """Looks at that file; nothing of a test stays active."""
    yield MlflowClient(at_file, at_file)
    while mlflow.active_run():
        mlflow.end_run()


@tracked
def train(run: mlflow.ActiveRun, *, trouble: BaseException | None = None) -> str:
    mlflow.log_metric("accuracy", 0.8)
    if trouble:
        raise trouble
    return str(run.info.run_id)


@tracked
def train_both(run: mlflow.ActiveRun, tracking_uri: str) -> str:
    return train(tracking_uri)


def job(size_mib: float = 500) -> training.Job:
    return training.Job(find_family("logreg"), made_up(600), Options(seed=1), "ada", Limits(size_mib, 100, 1))


def newest(client: MlflowClient) -> Run:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]


def count(client: MlflowClient) -> int:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return len(client.search_runs([experiment.experiment_id])) if experiment else 0


def test_a_training_is_exactly_one_finished_run(client: MlflowClient, uri: str) -> None:
    before = count(client)
    made = train(uri)
    found = newest(client)
    assert (found.info.run_id, found.info.status, found.data.metrics) == (made, "FINISHED", {"accuracy": 0.8})
    assert count(client) == before + 1
    assert mlflow.active_run() is None


@pytest.mark.parametrize("trouble", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_however_a_training_breaks_off_its_run_is_failed(
    client: MlflowClient, uri: str, trouble: BaseException
) -> None:
    with pytest.raises(type(trouble)):
        train(uri, trouble=trouble)
    assert newest(client).info.status == "FAILED"
    assert mlflow.active_run() is None


@pytest.mark.parametrize("trouble", [None, ValueError("no")])
def test_a_run_of_somebody_else_stays_theirs(client: MlflowClient, uri: str, trouble: BaseException | None) -> None:
    theirs = mlflow.start_run(experiment_id="0")
    try:
        train(uri, trouble=trouble)
    except ValueError:
        assert trouble
    active = mlflow.active_run()
    assert active
    assert active.info.run_id == theirs.info.run_id
    left = client.get_run(theirs.info.run_id)
    assert (left.info.status, left.data.metrics) == ("RUNNING", {})
    assert newest(client).info.status == ("FAILED" if trouble else "FINISHED")


def test_a_run_that_the_environment_names_is_neither_joined_nor_ended(
    client: MlflowClient, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(uri)
    theirs = client.create_run(newest(client).info.experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs.info.run_id)
    assert train(uri) != theirs.info.run_id
    left = client.get_run(theirs.info.run_id)
    assert (left.info.status, left.data.metrics) == ("RUNNING", {})


def test_a_training_within_a_training_is_refused(client: MlflowClient, uri: str) -> None:
    before = count(client)
    with pytest.raises(TrainingError, match="a training within a training"):
        train_both(uri, uri)
    assert count(client) == before + 1
    assert newest(client).info.status == "FAILED"
    assert train(uri), "the next one goes on as usual"


def test_nothing_is_spent_when_no_server_answers(client: MlflowClient) -> None:
    with pytest.raises(RegistryUnreachable, match=r"no MLflow server answers at http://127\.0\.0\.1"):
        train(f"http://127.0.0.1:{free_port()}", trouble=AssertionError("spent"))


def test_a_plain_sqlite_file_keeps_its_artefacts_beside_it(
    client: MlflowClient, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    beside = Path(uri.removeprefix("sqlite:///")).with_name("artifacts")
    assert experiment.artifact_location == beside.as_uri()
    assert not list(tmp_path.iterdir()), "whatever folder the command runs in stays as it is"


def test_two_trainings_may_be_the_first_of_a_fresh_file(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    code = f"""
from mlflow import MlflowClient
from vigie_training.tracking import connect
print("ready", flush=True)
input()
connect({uri!r})
MlflowClient().search_experiments()
MlflowClient().search_registered_models()
"""
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin
        one.stdin.write("begin\n")
        one.stdin.flush()
    for one in both:
        _, said = one.communicate(timeout=240)
        assert one.returncode == 0, said


def test_a_sqlite_file_in_a_folder_that_is_not_there_is_named(client: MlflowClient, tmp_path: Path) -> None:
    with pytest.raises(RegistryUnreachable, match=r"expected a folder for .*/nowhere/mlflow.db, got none"):
        train(f"sqlite:///{tmp_path}/nowhere/mlflow.db", trouble=AssertionError("spent"))


def test_a_server_that_does_not_answer_is_named_without_the_log_in(client: MlflowClient) -> None:
    with pytest.raises(
        RegistryUnreachable, match=r"no MLflow server answers at http://127\.0\.0\.1:\d+/health"
    ) as error:
        train(f"http://ada:s3cret@127.0.0.1:{free_port()}")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("tag", ["version", VERDICT_TAG])
def test_a_training_that_fails_as_its_run_is_told_of_the_version_has_registered_nothing(
    client: MlflowClient, uri: str, tag: str
) -> None:
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as file, file:
        file.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON tags WHEN NEW.key = '{tag}' BEGIN SELECT RAISE(ABORT, ''); END"
        )
    registry = ModelRegistry(find_family("logreg"))
    before = len(registry.versions()) if registry.exists() else 0
    try:
        with pytest.raises(MlflowException):
            training.train(uri, job(size_mib=0), lambda _: None)
    finally:
        with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as file, file:
            file.execute("DROP TRIGGER full")
    assert len(registry.versions()) == before
    assert newest(client).info.status == "FAILED"


def test_a_version_whose_champion_does_not_stop_changing_is_judged_twice_and_says_why_it_does_not_serve(
    client: MlflowClient, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ModelRegistry(find_family("logreg"))
    others = [training.train(uri, job(size_mib=0), lambda _: None).version for _ in range(2)]
    judge, judged = training.judge_folder, list[Verdict]()

    def judge_and_lose(*told: Any, **said: Any) -> tuple[Verdict, pd.DataFrame]:
        found = judge(*told, **said)
        registry.set_champion(others[len(judged) % 2])
        judged.append(found[0])
        return found

    monkeypatch.setattr(training, "judge_folder", judge_and_lose)
    outcome = training.train(uri, job(), lambda _: None)
    assert [each.passed for each in judged] == [True, True]
    assert not outcome.promoted
    assert "the champion changed while version" in outcome.verdict.summary()
    assert registry.version(outcome.version).tags[VERDICT_TAG] == outcome.verdict.summary()


def test_a_training_that_cannot_be_promoted_now_is_registered_all_the_same(
    client: MlflowClient, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_registry, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(ModelRegistry, "_break_if_old", lambda *_: None)  # it takes a minute to be one
    family = find_family("logreg")
    client.create_registered_model(f"{family.registered_model}.moving")
    outcome = training.train(uri, job(), lambda _: None)
    assert not outcome.promoted
    assert "another move of the champion is under way: try again" in outcome.verdict.summary()
    assert ModelRegistry(family).version(outcome.version).tags[VERDICT_TAG] == outcome.verdict.summary()
    assert newest(client).info.status == "FINISHED"
