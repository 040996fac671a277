"""A training that is killed, stopped, or loses its registry: nothing is registered, and it can be gone on with."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.support.base_model import write_base_model
from tests.support.rows import made_up
from tests.support.servers import MlflowServer, wait_for
from vigie.catalogue import find_family
from vigie_training.tracking import EXPERIMENT

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.filterwarnings("default")]
MODEL = find_family("distilbert").registered_model
STATE = "*.unfinished-1"
LATER_MS = 3_600_000
PATIENCE_SECONDS = 480.0


class Place:
    """A folder with rows, a tiny base model and a registry, where `vigie-train` tunes a transformer."""

    def __init__(self, folder: Path, url: str) -> None:
        rows = made_up(6000)
        rows.frame[["text", "label"]].to_csv(folder / "tweets.csv", index=False)
        base = write_base_model(folder / "base", rows.texts[:300])
        self.home, self.client = folder / "home", MlflowClient(url, url)
        self._folder = folder
        self._told = {"VIGIE_HOME": str(self.home), "MLFLOW_TRACKING_URI": url, "VIGIE_BASE_MODEL": base}

    def start(self, *further: str) -> subprocess.Popen[str]:
        """The command as a user types it."""
        words = ["run", "--model", "distilbert", "--quick", "--data", "tweets.csv", *further]
        # A suite that was started with nohup hands on that SIGHUP is ignored.
        command = ["env", "--default-signal=HUP", str(Path(sys.executable).with_name("vigie-train")), *words]
        told = os.environ | self._told
        return subprocess.Popen(command, cwd=self._folder, env=told, stderr=subprocess.PIPE, text=True)

    def kept(self) -> list[Path]:
        """The states of unfinished tunings."""
        return list((self.home / "encoders").glob(STATE))

    def versions(self) -> int:
        return len(self.client.search_model_versions(f"name='{MODEL}'"))

    def last_status(self) -> str:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        assert experiment
        (last, *_) = self.client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
        return str(last.info.status)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """With a registry in a file."""
    return Place(tmp_path, f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A registry that may be stopped."""
    server = MlflowServer(tmp_path_factory.mktemp("registry"))
    server.start(server.healthy, seconds=90)
    yield server
    server.stop()


def interrupted(process: subprocess.Popen[str], place: Place, sign: signal.Signals) -> None:
    wait_for(place.kept, seconds=PATIENCE_SECONDS, what="a state of the tuning on disk")
    process.send_signal(sign)
    process.wait(60)


def test_a_killed_training_leaves_nothing_registered_and_is_gone_on_with(place: Place) -> None:
    with place.start() as process:
        interrupted(process, place, signal.SIGKILL)
    assert place.versions() == 0
    (state,) = place.kept()
    whole = state.read_bytes()
    state.write_bytes(whole[:1000])
    with place.start("--resume") as damaged:
        _, said = damaged.communicate(timeout=PATIENCE_SECONDS)
    assert damaged.returncode == 1
    assert f"vigie-train: {state}: not a checkpoint, train without --resume" in said, "so that is what it goes on from"
    state.write_bytes(whole)
    with place.start("--resume") as resumed:
        _, said = resumed.communicate(timeout=PATIENCE_SECONDS)
    assert resumed.returncode == 0, said
    assert place.versions() == 1
    assert place.last_status() == "FINISHED"
    assert place.kept() == []


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_training_that_is_told_to_stop_or_loses_its_terminal_is_a_failed_run(
    place: Place, sign: signal.Signals
) -> None:
    with place.start() as process:
        interrupted(process, place, sign)
    assert process.returncode == 128 + sign
    assert (place.versions(), place.last_status()) == (0, "FAILED")


def test_a_training_that_is_told_to_stop_while_it_waits_to_be_promoted_has_registered_nothing(
    place: Place, tmp_path: Path
) -> None:
    lock = f"{MODEL}.moving"
    place.client.create_registered_model(lock)
    # However long the training takes: an old lock is a dead process's, and broken.
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as registry, registry:
        later = "UPDATE registered_models SET creation_time = creation_time + ? WHERE name = ?"
        assert registry.execute(later, (LATER_MS, lock)).rowcount == 1
    with place.start() as process:
        wait_for(place.versions, seconds=PATIENCE_SECONDS, pause=0.5, what="the version")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert (place.versions(), place.last_status()) == (0, "FAILED")


def test_a_registry_that_goes_away_during_a_training_is_one_sentence(tmp_path: Path, server: MlflowServer) -> None:
    place = Place(tmp_path, server.url)
    with place.start() as process:
        wait_for(place.kept, seconds=PATIENCE_SECONDS, what="a state of the tuning on disk")
        server.stop()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("vigie-train: MLFLOW_TRACKING_URI: the registry did not do what was asked: API request to")
    server.start(server.healthy, seconds=90)
    assert place.versions() == 0
