"""`vigie-train` with a registry of the module's own."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from signal import SIGHUP, SIGTERM, getsignal, signal
from typing import Any, NamedTuple

import mlflow
import pytest

from tests.support.servers import MlflowServer
from vigie_training.cli import main


class Result(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@contextmanager
def mlflow_as_it_was() -> Iterator[None]:
    """What the block tells MLflow is forgotten after it: MLflow keeps its settings in the environment too."""
    inherited = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    try:
        yield
    finally:
        mlflow.set_tracking_uri("")  # writes to the environment, so that goes first
        mlflow.set_registry_uri("")
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        os.environ.update(inherited)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry of this module's own: its versions are numbered from 1."""
    server = MlflowServer(tmp_path_factory.mktemp("registry"))
    server.start(server.healthy, seconds=90)
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry in a file, for all tests of a module: MLflow takes seconds to make one."""
    return f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db"


@pytest.fixture
def at_file(uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """That registry is the one to talk to while a test runs."""
    with mlflow_as_it_was():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        mlflow.set_tracking_uri(uri)
        yield uri


@pytest.fixture(scope="module")
def run(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs `vigie-train` in this process: a start of its own would import MLflow again for each command."""
    inherited, here = dict(os.environ), Path.cwd()
    handlers = {sign: getsignal(sign) for sign in (SIGTERM, SIGHUP)}  # the command sets its own
    os.chdir(tmp_path_factory.mktemp("here"))

    def command(*words: object, **variables: str) -> Result:
        sys.argv = ["vigie-train", *map(str, words)]
        with (
            pytest.MonkeyPatch.context() as environment,
            redirect_stdout(StringIO()) as stdout,
            redirect_stderr(StringIO()) as stderr,
        ):
            for name, value in ({"MLFLOW_TRACKING_URI": url, "VIGIE_ACTOR": "ada"} | variables).items():
                environment.setenv(name, value)
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        return Result(code, stdout.getvalue(), stderr.getvalue())

    argv = sys.argv
    with mlflow_as_it_was():
        yield command
    for sign, handler in handlers.items():
        signal(sign, handler)
    sys.argv = argv
    os.chdir(here)
    os.environ.clear()
    os.environ.update(inherited)


@pytest.fixture(scope="module")
def first(run: Run) -> dict[str, Any]:
    """The first version: trained on the sample tweets."""
    return done(run("run", "--model", "logreg", "--json"))[0]  # type: ignore[no-any-return]


def done(result: Result) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
