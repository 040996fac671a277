"""`python -m mlflow_server`: becomes `mlflow server`."""

import os

from mlflow_server.app import server_command, server_environment
from mlflow_server.log_in import prepare_log_in
from mlflow_server.settings import MlflowServerSettings


def main() -> None:
    """Reads the settings, makes the folder of the default store and replaces this process by the server."""
    settings = MlflowServerSettings.read()
    (settings.vigie_home / "mlflow").mkdir(parents=True, exist_ok=True)
    command = server_command(settings)
    os.execve(command[0], command, server_environment({**os.environ, **prepare_log_in(settings)}))  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
