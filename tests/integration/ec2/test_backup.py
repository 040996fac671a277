"""The restore drill: a system is backed up while it works, lost altogether, and put back in other places."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, time

import httpx
import psycopg
import pytest
import redis
from mlflow import MlflowClient

from feedback.app import create_app
from feedback.settings import FeedbackSettings
from tests.architecture.sources import ROOT
from tests.support.servers import MlflowServer, PostgresServer, RedisServer, wait_for
from tests.support.uvicorn_thread import UvicornThread
from vigie.receipts import ReceiptBook
from vigie.settings import DEVELOPMENT_SECRET, derived_key
from vigie.streams import FEEDBACK

RECEIPTS = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))
VOTES = 20


class Site:
    """Databases, Redis and folders of one installation."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir(parents=True)
        self.urls = {name: database(postgres) for name in ("DATABASE_URL", "MLFLOW_BACKEND_STORE_URI")}
        (folder / "redis").mkdir()
        self.redis = RedisServer(folder / "redis")

    def run(self, script: str, backup: Path, **further: str) -> subprocess.CompletedProcess[str]:
        """One of the two scripts."""
        environment = os.environ | self.urls | {"MLFLOW_ARTIFACTS": str(self.artifacts)} | further
        command = [str(ROOT / "k8s" / "ec2" / script), str(backup)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def feedback(self) -> UvicornThread:
        """The feedback service on these databases, not started yet."""
        settings = FeedbackSettings.read(
            vigie_home=self.folder, redis_url=self.redis.url, database_url=self.urls["DATABASE_URL"]
        )
        return UvicornThread(create_app(settings))

    def mlflow(self) -> MlflowServer:
        """The registry on these databases, not started yet."""
        uri = self.urls["MLFLOW_BACKEND_STORE_URI"]
        return MlflowServer(self.folder, MLFLOW_BACKEND_STORE_URI=uri, MLFLOW_ARTIFACTS_DESTINATION=str(self.artifacts))


def database(postgres: PostgresServer) -> str:
    """URL of a fresh, empty database."""
    name = f"site_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres.url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def lost(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Site]:
    """The installation that will be lost."""
    site = Site(tmp_path / "lost", postgres_server)
    site.redis.start()
    yield site
    site.redis.stop()


@pytest.fixture
def fresh(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Site]:
    """An empty one."""
    site = Site(tmp_path / "fresh", postgres_server)
    yield site
    site.redis.stop()


def vote(url: str, number: int) -> str:
    """One vote; its id."""
    issued = RECEIPTS.issue(
        f"tweet {number}", model="logreg", version="1", probability_negative=0.9, created_ms=int(time() * 1000)
    )
    answer = httpx.post(f"{url}/feedback", json={"prediction_id": issued, "verdict": "incorrect"}, timeout=30)
    assert answer.status_code == 201
    return str(answer.json()["feedback_id"])


def votes(url: str) -> set[str]:
    """The votes that stand."""
    return {item["feedback_id"] for item in httpx.get(f"{url}/feedback?limit=500", timeout=30).json()["items"]}


def states(site: Site) -> int:
    """How many states of predictions the stream holds."""
    with redis.Redis.from_url(site.redis.url, protocol=2) as client:
        return sum(len(FEEDBACK.decode(fields)) for _, fields in client.xrange(FEEDBACK.name))


@pytest.mark.timeout(300)
def test_a_lost_installation_comes_back_whole(
    lost: Site, fresh: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feedback, mlflow, backup = lost.feedback(), lost.mlflow(), tmp_path / "backup"
    mlflow.start(mlflow.healthy, seconds=90)
    url = feedback.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.url)
    try:
        cast = {vote(url, number) for number in range(VOTES)}
        wait_for(lambda: states(lost) == VOTES, what="every vote on the stream")
        run = register(MlflowClient(mlflow.url), tmp_path)
        wrote = lost.run("backup.sh", backup, READ_REDIS=f"tar -C {lost.folder / 'redis'} -cf - appendonlydir")
        assert wrote.returncode == 0, wrote.stderr
        vote(url, VOTES)  # after the backup: this one is lost, and nothing else
    finally:
        mlflow.stop()
        feedback.stop()
    started = perf_counter()
    put_back = fresh.run("restore.sh", backup, WRITE_REDIS=f"tar -C {fresh.folder / 'redis'} -xf -")
    assert put_back.returncode == 0, put_back.stderr
    fresh.redis.start()
    feedback, mlflow = fresh.feedback(), fresh.mlflow()
    mlflow.start(mlflow.healthy, seconds=90)
    url = feedback.start()
    with capsys.disabled():
        print(f"\nrestored and ready: {perf_counter() - started:.1f} s")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.url)
    try:
        assert votes(url) == cast
        assert states(fresh) == VOTES
        client = MlflowClient(mlflow.url)
        assert client.get_model_version_by_alias("vigie-logreg", "champion").run_id == run
        assert Path(client.download_artifacts(run, "note.txt", str(tmp_path))).read_text() == "kept"
    finally:
        mlflow.stop()
        feedback.stop()


def test_a_damaged_backup_is_refused_before_anything_is_replaced(lost: Site, fresh: Site, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    wrote = lost.run("backup.sh", backup, READ_REDIS=f"tar -C {lost.folder / 'redis'} -cf - appendonlydir")
    assert wrote.returncode == 0, wrote.stderr
    with (backup / "vigie.dump").open("ab") as file:
        file.write(b"x")
    with psycopg.connect(fresh.urls["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE untouched (id int)")
    refused = fresh.run("restore.sh", backup)
    assert refused.returncode == 1
    assert "is not as it was written" in refused.stderr
    with psycopg.connect(fresh.urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM untouched").fetchone() == (0,)


def test_a_reading_of_redis_that_is_not_whole_is_no_backup(lost: Site, tmp_path: Path) -> None:
    torn = f"tar -C {lost.folder / 'redis'} --exclude '*.incr.aof' -cf - appendonlydir"
    failed = lost.run("backup.sh", tmp_path / "backup", READ_REDIS=torn)
    assert failed.returncode == 1
    assert "changed under every one of three readings" in failed.stderr


@pytest.mark.parametrize("script", ["backup.sh", "restore.sh"])
def test_a_missing_url_is_named(script: str, tmp_path: Path) -> None:
    command = ["bash", str(ROOT / "k8s" / "ec2" / script), str(tmp_path)]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://x"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "MLFLOW_BACKEND_STORE_URI: expected the URL of MLflow" in done.stderr


def register(client: MlflowClient, folder: Path) -> str:
    """A registered version with an artefact, named by the alias; the id of its run."""
    (folder / "note.txt").write_text("kept")
    run = client.create_run(client.create_experiment("vigie")).info
    client.log_artifact(run.run_id, str(folder / "note.txt"))
    client.create_registered_model("vigie-logreg")
    version = client.create_model_version("vigie-logreg", f"{run.artifact_uri}/model", run.run_id)
    client.set_registered_model_alias("vigie-logreg", "champion", version.version)
    return str(run.run_id)
