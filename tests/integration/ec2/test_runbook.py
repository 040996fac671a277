"""The shell blocks of the runbook, each in a shell of its own, with programs that write down what they are told."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.support.programs import Programs

TERRAFORM = "echo database.eu-west-3.rds.amazonaws.com:5432"
AWS = """case "$*" in
  *create-secret*) cp vigie.env "{folder}/vault" ;;
  *get-secret-value*) cat "{folder}/vault" ;;
esac"""
SSH = 'cd "{folder}/machine" && bash -c "${{@: -1}}"'
PSQL = 'cat > "{folder}/statements"'
KUBECTL = """case "$*" in *--from-env-file=vigie.env*) cp vigie.env "{folder}/secret" ;; esac"""
SECRET = {"RECEIPT_SECRET", "REDIS_PASSWORD", "MLFLOW_PASSWORD", "GRAFANA_PASSWORD", "GATEWAY_API_KEYS"} | {
    "UI_GATEWAY_API_KEY",
    "DATABASE_URL",
    "MLFLOW_BACKEND_STORE_URI",
    "SMTP_USERNAME",
    "SMTP_PASSWORD",
}


def block(heading: str) -> str:
    """The one shell block under a heading."""
    text = (ROOT / "k8s" / "ec2" / "README.md").read_text("utf-8").partition(f"### {heading}")[2]
    found = re.search(r"```sh\n(.*?)```", text.partition("\n### ")[0].partition("\n## ")[0], re.S)
    assert found, heading
    return found[1]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """A desk, a machine, a vault and a database."""
    found = Programs(tmp_path)
    for name in ("desk", "machine"):
        (tmp_path / name).mkdir()
    bodies = {"terraform": TERRAFORM, "aws": AWS, "ssh": SSH, "psql": PSQL, "k3s": KUBECTL, "sudo": 'exec "$@"'}
    for name, body in {**bodies, "nano": ""}.items():
        found.add(name, body)
    found.add("openssl", '[ "$1" = rand ] && exec /usr/bin/openssl "$@" || echo hashed')
    return found


def run(programs: Programs, heading: str, place: str) -> str:
    """A block, as an operator pastes it into a new shell."""
    command = ["bash", "-eu", "-o", "pipefail", "-c", block(heading)]
    folder = programs.folder / place
    done = subprocess.run(
        command, cwd=folder, env=programs.environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_blocks_of_the_secrets_make_a_role_and_a_secret_that_know_each_other(programs: Programs) -> None:
    run(programs, "The values", "desk")
    run(programs, "To the machine", "desk")
    run(programs, "The databases", "machine")
    run(programs, "The Secrets", "machine")
    secret = dict(line.split("=", 1) for line in (programs.folder / "secret").read_text().splitlines())
    assert set(secret) == SECRET
    password = re.findall("PASSWORD '([0-9a-f]{64})'", (programs.folder / "statements").read_text())[0]
    assert f"//vigie:{password}@database.eu-west-3.rds.amazonaws.com:5432/vigie?" in secret["DATABASE_URL"]
    assert f"//vigie:{password}@database.eu-west-3.rds.amazonaws.com:5432/mlflow?" in secret["MLFLOW_BACKEND_STORE_URI"]
    (asked,) = [call for call in programs.calls() if call.startswith("psql")]
    assert "host=database.eu-west-3.rds.amazonaws.com user=postgres" in asked
    assert not list(programs.folder.glob("*/vigie.env")), "the values are left behind"
    assert password not in "".join(programs.calls()), "other processes can read the words of a command"


def test_a_new_machine_gets_the_old_values_without_the_blocks_that_are_for_once(programs: Programs) -> None:
    run(programs, "The values", "desk")
    run(programs, "To the machine", "desk")
    run(programs, "The Secrets", "machine")
    first = (programs.folder / "secret").read_text()
    (programs.folder / "secret").unlink()
    run(programs, "To the machine", "desk")
    run(programs, "The Secrets", "machine")
    assert (programs.folder / "secret").read_text() == first
