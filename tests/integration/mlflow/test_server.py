"""The registry server as it really runs."""

import socket
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil
import pytest
from mlflow import MlflowClient

from tests.support.servers import MlflowServer

pytestmark = pytest.mark.timeout(300)  # two starts of the server


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


def test_what_an_interrupted_transfer_left_is_gone_after_a_start(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    left = tmp_path / "mlflow" / "staging" / "half"
    left.parent.mkdir(parents=True)
    left.touch()
    server.start(server.healthy, seconds=90)
    try:
        assert server.process is not None
        staging = Path(psutil.Process(server.process.pid).environ()["TMPDIR"])
        assert staging.is_dir()
        assert staging.samefile(left.parent)
        assert not left.exists()
    finally:
        server.stop()


def spoken(server: MlflowServer, parts: Iterable[bytes]) -> bytes:
    """Everything that it answers until it hangs up."""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(30)
        for part in parts:
            client.sendall(part)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_it_does_not_say_what_it_is(mlflow_url: str) -> None:
    assert not {"server", "date", "x-powered-by"} & set(httpx.get(f"{mlflow_url}/health", timeout=30).headers)


def test_a_body_without_end_is_not_read_to_its_end_unless_it_is_an_artefact(mlflow_server: MlflowServer) -> None:
    head = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b"1" * 0x100000 + b"\r\n"
    for target in (
        "/api/2.0/mlflow/runs/create",
        "/api/2.0/mlflow/runs/create?/mlflow-artifacts/",
        "/api/2.0/mlflow/mlflow-artifacts/artifacts/file",
        "/api/2.0/mlflow-artifacts/mpu/complete/file",
    ):
        answer = spoken(mlflow_server, [head.format(target).encode(), *[piece] * 20])
        assert answer.startswith(b"HTTP/1.1 413 "), target
        assert b'"error_code"' in answer
    whole = httpx.put(
        f"{mlflow_server.url}/api/2.0/mlflow-artifacts/artifacts/large/file",
        content=piece * 20,
        headers={"Upgrade": "h2c", "Connection": "Upgrade"},  # as Java's client does: the head is read twice
        timeout=60,
    )
    assert whole.status_code == 200


def test_what_is_not_http_or_too_long_is_refused_in_its_own_form(mlflow_server: MlflowServer) -> None:
    for said, status in (
        (b"no HTTP\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 50_000 + b"\r\n\r\n", b"431"),
    ):
        answer = spoken(mlflow_server, [said])
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b'"error_code"' in answer


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
