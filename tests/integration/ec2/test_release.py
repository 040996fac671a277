"""A release on the machine, with a cluster that writes down what it is told and breaks when a test wants it to."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

# $1 is the folder that the test reads; objects with the word `broken` never become ready.
KUBECTL = """#!/bin/bash
echo "$*" >> "{folder}/calls"
case "$*" in
  *"get deployments"*) printf 'deployment.apps/gateway\\nstatefulset.apps/redis\\n' ;;
  *apply*) cp "${{@: -1}}" "{folder}/applied" ;;
  *"rollout status"*) ! grep -q broken "{folder}/applied" ;;
esac
"""
CURL = """#!/bin/bash
! grep -q silent "{folder}/applied"
"""


class Machine:
    """The machine's programs and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("kubectl", KUBECTL), ("curl", CURL)):
            (folder / name).write_text(text.format(folder=folder))
            (folder / name).chmod(0o755)

    def release(self, objects: str) -> subprocess.CompletedProcess[str]:
        """Runs release.sh with these rendered objects."""
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "KUBECTL": "kubectl",
            "DOMAIN": "vigie.example.org",
            "RELEASES": str(self.folder / "releases"),
            "PAUSE": "0",
        }
        script = str(ROOT / "k8s" / "ec2" / "release.sh")
        return subprocess.run(
            [script], input=objects, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def applied(self) -> str:
        """The objects that are in force."""
        return (self.folder / "applied").read_text()

    def current(self) -> str:
        """The release that would be gone back to."""
        return (self.folder / "releases" / "current.yaml").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any release."""
    return Machine(tmp_path)


def test_a_release_that_works_becomes_the_current_one(machine: Machine) -> None:
    done = machine.release("first")
    assert done.returncode == 0, done.stderr
    assert machine.current() == machine.applied() == "first"
    calls = (machine.folder / "calls").read_text().splitlines()
    assert calls[0].startswith("--namespace vigie delete job training-starter")
    assert calls[1].startswith("--namespace vigie apply")
    assert [call for call in calls if "rollout status" in call and "redis" in call]


@pytest.mark.parametrize("fault", ["broken: no pod becomes ready", "silent: pods are ready, nobody answers"])
def test_a_release_that_does_not_work_is_taken_back(machine: Machine, fault: str) -> None:
    machine.release("first")
    done = machine.release(fault)
    assert done.returncode == 1
    assert "went back" in done.stderr
    assert machine.current() == machine.applied() == "first"


def test_a_first_release_that_does_not_work_says_that_there_is_none_to_go_back_to(machine: Machine) -> None:
    done = machine.release("broken")
    assert done.returncode == 1
    assert "there is no earlier one to go back to" in done.stderr


def test_a_missing_name_stops_before_anything_is_applied(tmp_path: Path) -> None:
    script = str(ROOT / "k8s" / "ec2" / "release.sh")
    done = subprocess.run([script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DOMAIN: expected the name" in done.stderr
