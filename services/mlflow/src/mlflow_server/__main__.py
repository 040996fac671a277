"""`python -m mlflow_server`: becomes `mlflow server`."""

import os
from shutil import rmtree

from mlflow_server.app import server_command, server_environment
from mlflow_server.log_in import prepare_log_in
from mlflow_server.settings import MlflowServerSettings


def main() -> None:
    """Reads the settings, makes an empty folder for staging and those above it, and becomes the server."""
    settings = MlflowServerSettings.read()
    rmtree(settings.staging_folder(), ignore_errors=True)
    settings.staging_folder().mkdir(parents=True, exist_ok=True)
    command = server_command(settings)
    environment = server_environment(settings, {**os.environ, **prepare_log_in(settings)})
    os.execve(command[0], command, environment)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
