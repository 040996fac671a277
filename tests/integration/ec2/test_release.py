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
  *apply*) cp "${{@: -1}}" "{folder}/applied" ;;
  *"rollout status"*) ! grep -q broken "{folder}/applied" ;;
esac
"""
CURL = """#!/bin/bash
! grep -q silent "{folder}/applied"
"""


def objects(*names: str) -> str:
    """Rendered objects by kind and name, as kustomize writes them."""
    data = "data:\n  rules.yml: |\n    kind: Deployment\n    metadata:\n      name: no-object\n"
    return "---\n".join(
        f"apiVersion: v1\n{data}kind: {kind}\nmetadata:\n  labels:\n    name: a-label\n  name: {name}\n"
        for kind, name in (each.split("/") for each in names)
    )


FIRST = objects("Deployment/gateway", "StatefulSet/redis")


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

    def deleted(self) -> list[str]:
        """What it was told to delete beside Jobs, and when it applied something."""
        calls = [line.removeprefix("--namespace vigie ") for line in (self.folder / "calls").read_text().splitlines()]
        calls = [call for call in calls if call.startswith(("delete ", "apply ")) and " job " not in call]
        return ["apply" if call.startswith("apply") else call.split()[1] for call in calls]

    def current(self) -> str:
        """The release that would be gone back to."""
        return (self.folder / "releases" / "current.yaml").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any release."""
    return Machine(tmp_path)


def test_a_release_that_works_becomes_the_current_one(machine: Machine) -> None:
    done = machine.release(FIRST)
    assert done.returncode == 0, done.stderr
    assert machine.current() == machine.applied() == FIRST
    calls = (machine.folder / "calls").read_text().splitlines()
    assert calls[0].startswith("--namespace vigie delete job training-starter")
    assert calls[1].startswith("--namespace vigie apply")
    assert [call for call in calls if "rollout status" in call and "redis" in call]


@pytest.mark.parametrize("fault", ["broken: no pod becomes ready", "silent: pods are ready, nobody answers"])
def test_a_release_that_does_not_work_is_taken_back(machine: Machine, fault: str) -> None:
    machine.release(FIRST)
    done = machine.release(f"{FIRST}# {fault}\n")
    assert done.returncode == 1
    assert "went back" in done.stderr
    assert machine.current() == machine.applied() == FIRST


def test_a_first_release_that_does_not_work_says_that_there_is_none_to_go_back_to(machine: Machine) -> None:
    done = machine.release(f"{FIRST}# broken\n")
    assert done.returncode == 1
    assert "there is no earlier one to go back to" in done.stderr


SCALED = objects("Deployment/gateway", "HorizontalPodAutoscaler/gateway", "PersistentVolumeClaim/mlflow")
WATCHED = objects(
    "Deployment/gateway",
    "ScaledObject/gateway",
    "Deployment/prometheus",
    "Service/prometheus",
    "PersistentVolumeClaim/prometheus",
    "ConfigMap/prometheus-1",
    "PersistentVolumeClaim/mlflow",
)


def test_a_component_that_comes_replaces_the_autoscalers_and_one_that_goes_leaves_only_data(machine: Machine) -> None:
    machine.release(SCALED)
    machine.release(WATCHED)
    assert machine.deleted() == ["apply", "HorizontalPodAutoscaler/gateway", "apply"]
    machine.release(SCALED)
    assert machine.deleted()[3:] == ["ScaledObject/gateway", "apply", "Deployment/prometheus", "Service/prometheus"]


def test_what_a_release_added_goes_with_it_when_it_is_taken_back(machine: Machine) -> None:
    machine.release(SCALED)
    assert machine.release(f"{WATCHED}# broken\n").returncode == 1
    added = ["Deployment/prometheus", "ScaledObject/gateway", "Service/prometheus"]
    assert machine.deleted() == ["apply", "HorizontalPodAutoscaler/gateway", "apply", *added, "apply"]
    assert machine.current() == machine.applied() == SCALED


def test_what_a_failed_first_release_left_is_gone_after_one_that_works(machine: Machine) -> None:
    machine.release(f"{WATCHED}# broken\n")
    assert machine.release(SCALED).returncode == 0
    left = ["Deployment/prometheus", "Service/prometheus"]
    assert machine.deleted() == ["apply", "ScaledObject/gateway", "apply", *left]


def test_a_missing_name_stops_before_anything_is_applied(tmp_path: Path) -> None:
    script = str(ROOT / "k8s" / "ec2" / "release.sh")
    done = subprocess.run([script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DOMAIN: expected the name" in done.stderr
