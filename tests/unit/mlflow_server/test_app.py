"""How the registry server is started."""

from pathlib import Path

import pytest

from mlflow_server.app import server_command, server_environment
from mlflow_server.settings import MlflowServerSettings


def option(command: list[str], name: str) -> str:
    """The value that follows an option."""
    return command[command.index(name) + 1]


def test_the_host_guard_is_always_set() -> None:
    command = server_command(MlflowServerSettings())
    assert "mlflow:*" in option(command, "--allowed-hosts").split(",")
    assert "*" not in option(command, "--allowed-hosts").split(",")
    assert "--disable-security-middleware" not in command


def test_settings_reach_the_command_line() -> None:
    settings = MlflowServerSettings(mlflow_port=5999, vigie_host="0.0.0.0", mlflow_workers=2, log_level="warning")
    command = server_command(settings)
    assert option(command, "--port") == "5999"
    assert option(command, "--host") == "0.0.0.0"
    assert option(command, "--workers") == "2"
    assert option(command, "--uvicorn-opts").endswith("--log-level warning")


def test_artefacts_go_through_the_server_and_not_to_a_shared_folder() -> None:
    command = server_command(MlflowServerSettings())
    assert "--serve-artifacts" in command
    assert "--default-artifact-root" not in command


def test_job_execution_and_telemetry_stay_off_whatever_is_inherited() -> None:
    inherited = {"PATH": "/bin", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true", "MLFLOW_DISABLE_TELEMETRY": "false"}
    environment = server_environment(MlflowServerSettings(), inherited)
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["PATH"] == "/bin"


def test_artefacts_are_staged_beside_the_data_and_not_in_a_small_tmp() -> None:
    settings = MlflowServerSettings(vigie_home=Path("/data"))
    assert server_environment(settings, {"TMPDIR": "/small"})["TMPDIR"] == "/data/mlflow/staging"


@pytest.mark.parametrize("port", [0, 65536])
def test_an_impossible_port_stops_the_start_with_the_variables_name(port: int) -> None:
    with pytest.raises(SystemExit, match="MLFLOW_PORT"):
        MlflowServerSettings.read(mlflow_port=port)
