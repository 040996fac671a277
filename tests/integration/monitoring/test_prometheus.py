"""The rules under promtool, and a real Prometheus that reads a real service with our configuration."""

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.architecture.sources import ROOT
from tests.support.servers import ServerProcess, free_port, wait_for
from tests.support.uvicorn_thread import UvicornThread

FOLDER = ROOT / "k8s" / "components" / "monitoring"


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """Our configuration with the rules beside it."""
    shutil.copy(FOLDER / "rules.yml", tmp_path)
    text = (FOLDER / "prometheus.yml").read_text("utf-8").replace("/etc/prometheus", str(tmp_path))
    path = tmp_path / "prometheus.yml"
    path.write_text(text, encoding="utf-8")
    return path


def promtool(*arguments: str) -> str:
    """What promtool says; it fails when something is wrong."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, cwd=FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_rule_fires_when_it_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.compose.yml"])
def test_the_configurations_are_valid(configured: Path, name: str) -> None:
    text = (FOLDER / name).read_text("utf-8").replace("/etc/prometheus", str(configured.parent))
    (configured.parent / name).write_text(text, encoding="utf-8")
    assert "SUCCESS" in promtool("check", "config", str(configured.parent / name))


def test_prometheus_reads_a_gateway_and_knows_the_rules(configured: Path, redis_url: str, tmp_path: Path) -> None:
    gateway = UvicornThread(create_app(GatewaySettings.read(models="logreg", redis_url=redis_url)))
    gateway.start()
    config = yaml.safe_load(configured.read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["dns_sd_configs"] = None
    job["static_configs"] = [{"targets": [f"127.0.0.1:{gateway.port}"], "labels": {"__meta_dns_name": "gateway-pods"}}]
    configured.write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    options = [f"--config.file={configured}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"]
    server = ServerProcess(command, port=port, log=tmp_path / "prometheus.log")
    try:
        server.start()
        wait_for(lambda: value(port, 'up{job="vigie", service="gateway"}') == "1", seconds=60, what="a first reading")
        wait_for(lambda: value(port, "vigie_prediction_log_waiting") == "0", seconds=60, what="a metric of ours")
        groups = httpx.get(f"http://127.0.0.1:{port}/api/v1/rules", timeout=10).json()["data"]["groups"]
        assert {rule["health"] for rule in groups[0]["rules"]} <= {"ok", "unknown"}
    finally:
        server.stop()
        gateway.stop()


def value(port: int, query: str) -> str | None:
    """The one value that a query gives now."""
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, timeout=10)
    found = answer.json().get("data", {}).get("result", [])
    return found[0]["value"][1] if found else None
