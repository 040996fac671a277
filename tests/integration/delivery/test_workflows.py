"""The steps of every workflow, run as they stand, with programs that do nothing but write down how they are called."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.sources import ROOT, services
from tests.support.programs import Programs

TAG = "0123456789abcdef0123456789abcdef01234567"
VALUES = {
    "REGISTRY": "ghcr.io/owner/vigie",
    "HOST": "admin@machine",
    "DOMAIN": "vigie.example.org",
    "BUCKET": "a-bucket",
    "SMTP_HOST": "mail.example.org",
    "SMTP_PORT": "587",
    "ALERT_MAIL_FROM": "vigie@example.org",
    "ALERT_MAIL_TO": "ops@example.org",
    "SSH_KNOWN_HOSTS": "machine ssh-ed25519 AAAA",
    "SPACE": "owner/space",
}
TOOLS = ("ruff", "mypy", "check-jsonschema", "redis-server", "initdb", "chromium", "promtool", "java", "npx", "uv")
DOCKER = """case "$*" in
  *"config --images"*) printf '%s\\n' "vigie/gateway:$VIGIE_VERSION" redis:7-bookworm "vigie/ui:$VIGIE_VERSION" ;;
  login*) cat >> "{folder}/{name}.stdin" ;;
esac"""
KUBECTL = 'case "$1" in version) echo "Kustomize Version: v5.5.0" ;; *) cat "$2/kustomization.yaml" ;; esac'
SSH = """case "$*" in *release.sh*) cat >> "{folder}/rendered" ;; *) tar -xf - -C "{folder}" ;; esac
for word; do case $word in */key) stat -c %a "$word" >> "{folder}/mode"; cp "$word" "{folder}/key" ;; esac; done"""
UPLOAD = 'for word; do case $word in /*) ls -A "$word" >> "{folder}/uploaded" ;; esac; done'


def jobs() -> dict[str, dict[str, Any]]:
    """Every job of every workflow, by both their names."""
    found = {}
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items():
            found[f"{path.stem}.{name}"] = job
    return found


def value(name: str, expression: str) -> str:
    """What GitHub puts in the place of an expression; secrets can be told from everything else."""
    if "secrets." in expression:
        return f"secret-{name}"
    return TAG if "head_sha" in expression else VALUES.get(name, "someone")


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Everything that the steps call, each of them content."""
    found = Programs(tmp_path)
    for name in TOOLS:
        found.add(name)
    found.add("docker", DOCKER)
    found.add("kubectl", KUBECTL)
    found.add("ssh", SSH)
    found.add_python()
    (tmp_path / "stamps").mkdir()
    (tmp_path / "stamps" / "dev").touch()
    return found


def run(job: dict[str, Any], programs: Programs) -> subprocess.CompletedProcess[str]:
    """The job's steps, one after the other until one fails, as GitHub runs them."""
    environment = {name: value(name, str(text)) for name, text in job.get("env", {}).items()}
    found = f"BIN={programs.path}", f"STAMPS={programs.folder / 'stamps'}"
    for step in job["steps"]:
        if "run" not in step:
            continue
        command = ["bash", "-e", "-o", "pipefail", "-c", f"{step['run']} {' '.join(found)}"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment | programs.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not re.search(r"secret-\w+", done.stdout + done.stderr), "a secret is in the log"
        if done.returncode:
            break
    return done


@pytest.mark.parametrize("name", jobs())
def test_every_step_of_a_job_runs(name: str, programs: Programs) -> None:
    done = run(jobs()[name], programs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert programs.calls()
    assert "secret-" not in "".join(programs.calls()), "other processes can read the words of a command"


@pytest.mark.parametrize("name", jobs())
def test_a_job_fails_when_what_it_calls_fails(name: str, programs: Programs) -> None:
    for tool in (*TOOLS, "docker", "kubectl", "ssh", "python"):
        programs.add(tool, "exit 3")
    assert run(jobs()[name], programs).returncode != 0


def test_images_are_pushed_under_the_commit_and_foreign_ones_are_not(programs: Programs) -> None:
    run(jobs()["deploy-ec2.images"], programs)
    calls = programs.calls()
    there = [f"ghcr.io/owner/vigie/{name}:{TAG}" for name in ("gateway", "ui")]
    assert [call for call in calls if call.startswith("docker push")] == [
        f"docker push --quiet {name}" for name in there
    ]
    assert f"docker tag vigie/gateway:{TAG} {there[0]}" in calls
    assert calls.index("docker compose build --quiet") < calls.index(f"docker push --quiet {there[0]}")
    assert "docker login ghcr.io --username someone --password-stdin" in calls
    assert programs.kept("docker") == "secret-REGISTRY_TOKEN"


def test_a_release_goes_over_a_checked_connection_with_the_images_of_the_commit(programs: Programs) -> None:
    run(jobs()["deploy-ec2.deploy"], programs)
    connections = [call for call in programs.calls() if call.startswith("ssh ")]
    assert connections
    assert all("StrictHostKeyChecking=yes" in call and "UserKnownHostsFile=" in call for call in connections)
    assert (programs.folder / "mode").read_text().split() == ["600"] * len(connections)
    assert (programs.folder / "key").read_text() == "secret-SSH_PRIVATE_KEY\n"
    (key,) = {re.search(r"-i (\S+)", call)[1] for call in connections}  # type: ignore[index]
    assert not Path(key).exists(), "the key is left behind"
    assert {"release.sh", "restore.sh"} <= {path.name for path in programs.folder.iterdir()}
    released = yaml.safe_load((programs.folder / "rendered").read_text())
    images = {image["name"]: (image["newName"], image["newTag"]) for image in released["images"]}
    ours = ["training", *(service.name for service in services())]
    assert images == {f"vigie/{name}": (f"ghcr.io/owner/vigie/{name}", TAG) for name in ours}


def test_a_space_gets_its_own_files_only(programs: Programs) -> None:
    programs.add("uv", UPLOAD)
    run(jobs()["deploy-huggingface.deploy"], programs)
    (call,) = [call for call in programs.calls() if call.startswith("uv tool run")]
    assert " hf upload owner/space " in call
    uploaded = set((programs.folder / "uploaded").read_text().split())
    assert uploaded == {"Dockerfile", "README.md", "constraints.txt", "services", "shared"}


def test_railway_gets_every_service_by_its_own_dockerfile(programs: Programs) -> None:
    run(jobs()["deploy-railway.deploy"], programs)
    calls = [call for call in programs.calls() if call.startswith("npx ")]
    for service in ("mlflow", "feedback", "alerting", "predictor-logreg", "gateway"):
        at = [each for each, call in enumerate(calls) if f"--service {service} " in call]
        assert len(at) == 2
        assert f"services/{service}/Dockerfile" in calls[at[0]]
        assert calls[at[1]].endswith("--ci")
