"""The command line and the environment that `mlflow server` is started with."""

import sys
from collections.abc import Mapping

from mlflow_server.settings import MlflowServerSettings

# Job execution costs 1.3 GB in five more processes and Vigie never submits a job; telemetry is a call to the internet.
FIXED_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PYTHONWARNINGS": "ignore",
}

GUARDED = "--http mlflow_server.connections:RegistryProtocol --no-server-header --no-date-header"


def server_command(settings: MlflowServerSettings) -> list[str]:
    """`mlflow server` behind its host guard, with artefacts sent and fetched through the server."""
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", settings.vigie_host),
        *("--port", str(settings.mlflow_port)),
        *("--workers", str(settings.mlflow_workers)),
        *("--backend-store-uri", settings.backend_store_uri()),
        "--serve-artifacts",
        *("--artifacts-destination", settings.artifacts_destination()),
        *("--allowed-hosts", settings.mlflow_allowed_hosts),
        *(("--app-name", "basic-auth") if settings.mlflow_auth_admin_password else ()),
        *("--uvicorn-opts", f"{GUARDED} --no-access-log --log-level {settings.log_level}"),
    ]


def server_environment(settings: MlflowServerSettings, inherited: Mapping[str, str]) -> dict[str, str]:
    """The inherited variables with job execution, telemetry and the deprecation warnings of others switched off.

    An artefact on its way to or from its store lies in `staging_folder` meanwhile: it may be larger than `/tmp`.
    """
    return {**inherited, **FIXED_ENVIRONMENT, "TMPDIR": str(settings.staging_folder())}
