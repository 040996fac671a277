"""`vigie-train` with a registry of the module's own."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
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
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    yield uri
    mlflow.set_tracking_uri("")
    mlflow.set_registry_uri("")


@pytest.fixture(scope="module")
def run(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs `vigie-train` in this process: a start of its own would import MLflow again for each command."""
    inherited, here = dict(os.environ), Path.cwd()
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
    yield command
    sys.argv = argv
    os.chdir(here)
    os.environ.clear()
    os.environ.update(inherited)  # MLflow keeps its settings there
    mlflow.set_tracking_uri("")
    mlflow.set_registry_uri("")


@pytest.fixture(scope="module")
def first(run: Run) -> dict[str, Any]:
    """The first version: trained on the sample tweets."""
    return done(run("run", "--model", "logreg", "--json"))[0]  # type: ignore[no-any-return]


def done(result: Result) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
