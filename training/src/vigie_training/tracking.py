"""One MLflow run per training: what was done, with what, how it turned out."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from signal import SIG_IGN, SIGHUP, SIGTERM, getsignal, signal
from time import sleep
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import mlflow
import urllib3
from mlflow import MlflowClient
from mlflow.environment_variables import (
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
    MLFLOW_RUN_ID,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)
from mlflow.exceptions import MlflowException

from vigie.settings import without_log_in
from vigie_training.errors import RegistryUnreachable, TrainingError
from vigie_training.lock import alone

EXPERIMENT = "vigie"
_PROBE_SECONDS = 3.0
_PAUSE_SECONDS = 0.1
_CLIENT: dict[Any, int | bool] = {
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: 2,
    MLFLOW_HTTP_REQUEST_TIMEOUT: 30,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT: True,
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: False,
}

_UNDER_WAY: ContextVar[bool] = ContextVar("a tracked function is under way", default=False)

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def tracked(train: Callable[Concatenate[mlflow.ActiveRun, P], ResultT]) -> Callable[Concatenate[str, P], ResultT]:
    """Turns `train(run, …)` into `train(tracking_uri, …)`, which opens exactly one run around it.

    Raises `RegistryUnreachable` before anything is spent when the server does not answer. A run that ends with an
    exception is marked FAILED. A run of somebody else's that is active in this process, or that `MLFLOW_RUN_ID` names,
    is neither joined nor ended. A tracked function within another is a `TrainingError`: there is one run.
    """

    @wraps(train)
    def within_a_run(tracking_uri: str, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        connect(tracking_uri)
        with _one_at_a_time():
            _set_experiment(tracking_uri)
            MLFLOW_RUN_ID.unset()  # type: ignore[no-untyped-call]
            with mlflow.start_run(nested=True) as run:
                return train(run, *args, **kwargs)

    return within_a_run


def connect(tracking_uri: str) -> None:
    """Makes MLflow's client use this server, fail fast and keep its links off standard output.

    Raises `RegistryUnreachable`.
    """
    probe(tracking_uri)
    for variable, value in _CLIENT.items():
        variable.set(value)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    if database := _sqlite_file(tracking_uri):
        _make_tables(database)


def end_by_signals() -> None:
    """From now on a process that is told to end, or loses its terminal, marks its run as failed, as after Ctrl-C."""
    for sign in (SIGTERM, SIGHUP):
        if getsignal(sign) != SIG_IGN:  # which is what nohup leaves
            signal(sign, lambda number, _: sys.exit(128 + number))


def probe(tracking_uri: str) -> None:
    """Returns when the server answers `/health`, or the folder of a SQLite file is there; else `RegistryUnreachable`.

    A server gets three seconds.
    """
    if urlsplit(tracking_uri).scheme not in ("http", "https"):
        _look_for_folder(tracking_uri)
        return
    url = f"{tracking_uri.rstrip('/')}/health"
    try:
        reply = urllib3.request("GET", url, timeout=_PROBE_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise RegistryUnreachable(
            f"MLFLOW_TRACKING_URI: no MLflow server answers at {without_log_in(url)}: {error}"
        ) from error
    if reply.status != 200:
        raise RegistryUnreachable(f"MLFLOW_TRACKING_URI: {without_log_in(url)} answered {reply.status}, expected 200")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if _UNDER_WAY.get():
        raise TrainingError("a training within a training: expected one run, got a second")
    token = _UNDER_WAY.set(True)
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)


def _make_tables(database: Path) -> None:
    """MLflow makes those of a fresh file at the first contact, which fails when two processes do it at once."""
    with alone(database.with_name(f"{database.name}.lock"), lambda: sleep(_PAUSE_SECONDS)):
        client = MlflowClient()
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)


def _set_experiment(tracking_uri: str) -> None:
    """Makes it where it is missing: beside a plain SQLite file, whose artefacts MLflow would put into whatever folder
    the command happens to run in.
    """
    database = _sqlite_file(tracking_uri)
    if database and mlflow.get_experiment_by_name(EXPERIMENT) is None:
        with suppress(MlflowException):  # somebody else was quicker
            mlflow.create_experiment(EXPERIMENT, artifact_location=(database.parent / "artifacts").as_uri())
    mlflow.set_experiment(EXPERIMENT)


def _look_for_folder(tracking_uri: str) -> None:
    if not urlsplit(tracking_uri).scheme or "://" not in tracking_uri:
        raise RegistryUnreachable(
            f"MLFLOW_TRACKING_URI: expected something like http://127.0.0.1:5000 or sqlite:///mlflow.db, "
            f"got {tracking_uri!r}"
        )
    database = _sqlite_file(tracking_uri)
    if database and not database.parent.is_dir():
        raise RegistryUnreachable(
            f"MLFLOW_TRACKING_URI: expected a folder for {database}, got none at {database.parent}"
        )


def _sqlite_file(tracking_uri: str) -> Path | None:
    """The file of a SQLite URI, with its whole path."""
    parts = urlsplit(tracking_uri)
    return Path(parts.path.removeprefix("/")).absolute() if parts.scheme == "sqlite" and parts.path else None
