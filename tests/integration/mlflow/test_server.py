"""The registry server as it really runs."""

from pathlib import Path

import httpx
import psutil
import pytest
from mlflow import MlflowClient

from tests.support.servers import MlflowServer


def search_experiments(url: str, host: str) -> int:
    """Status of a harmless call with that `Host` header."""
    body = {"max_results": 1}
    return httpx.post(
        f"{url}/api/2.0/mlflow/experiments/search", json=body, headers={"Host": host}, timeout=30
    ).status_code


@pytest.mark.parametrize("host", ["mlflow", "mlflow:5000", "localhost:5001", "127.0.0.1"])
def test_known_hosts_are_answered(mlflow_url: str, host: str) -> None:
    assert search_experiments(mlflow_url, host) == 200


@pytest.mark.parametrize("host", ["evil.example", "mlflow.evil.example", "10.0.0.7:5000"])
def test_unknown_hosts_are_refused(mlflow_url: str, host: str) -> None:
    assert search_experiments(mlflow_url, host) == 403


def test_health_answers_whatever_the_host(mlflow_url: str) -> None:
    assert httpx.get(f"{mlflow_url}/health", headers={"Host": "10.0.0.7"}, timeout=30).status_code == 200


def test_artefacts_travel_through_the_server(
    mlflow_url: str, mlflow_server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
    (tmp_path / "note.txt").write_text("kept")
    client = MlflowClient(mlflow_url)
    experiment = client.create_experiment("artefact-proxy")
    assert client.get_experiment(experiment).artifact_location.startswith("mlflow-artifacts:/")
    run = client.create_run(experiment)
    client.log_artifact(run.info.run_id, str(tmp_path / "note.txt"))
    there = client.download_artifacts(run.info.run_id, "note.txt", str(tmp_path))
    assert Path(there).read_text() == "kept"


def test_it_runs_without_job_workers(mlflow_server: MlflowServer) -> None:
    assert mlflow_server.process is not None
    process = psutil.Process(mlflow_server.process.pid)
    assert len([process, *process.children(recursive=True)]) == 2


def test_a_restart_keeps_registered_models(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    server.start(server.healthy, seconds=90)
    try:
        MlflowClient(server.url).create_registered_model("vigie-kept")
        server.stop()
        server.start(server.healthy, seconds=90)
        assert MlflowClient(server.url).get_registered_model("vigie-kept").name == "vigie-kept"
    finally:
        server.stop()
