"""One MLflow run per training: what was done, with what, how it turned out."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import mlflow
import urllib3
from mlflow.environment_variables import (
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)

from vigie_training.errors import RegistryUnreachable

EXPERIMENT = "vigie"
_PROBE_SECONDS = 3.0
_CLIENT: dict[Any, int | bool] = {
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: 2,
    MLFLOW_HTTP_REQUEST_TIMEOUT: 30,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT: True,
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: False,
}

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def tracked(train: Callable[Concatenate[mlflow.ActiveRun, P], ResultT]) -> Callable[Concatenate[str, P], ResultT]:
    """Turns `train(run, …)` into `train(tracking_uri, …)`, which opens exactly one run around it.

    Raises `RegistryUnreachable` before anything is spent when the server does not answer. A run that ends with an
    exception is marked FAILED. A tracked function within another is an error of MLflow's own: there is one run.
    """

    @wraps(train)
    def within_a_run(tracking_uri: str, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        connect(tracking_uri)
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run() as run:
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


def probe(tracking_uri: str) -> None:
    """Returns when the server answers `/health`; raises `RegistryUnreachable` within about three seconds."""
    if urlsplit(tracking_uri).scheme not in ("http", "https"):
        return
    url = f"{tracking_uri.rstrip('/')}/health"
    try:
        reply = urllib3.request("GET", url, timeout=_PROBE_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise RegistryUnreachable(
            f"MLFLOW_TRACKING_URI: no MLflow server answers at {tracking_uri}: {error}"
        ) from error
    if reply.status != 200:
        raise RegistryUnreachable(f"MLFLOW_TRACKING_URI: {url} answered {reply.status}, expected 200")
