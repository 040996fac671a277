"""One stack for all journeys, of the kind that `STACK` names; what was measured is printed at the end."""

import os
import subprocess
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.e2e.compose_stack import ComposeStack
from tests.e2e.pod_stack import PodStack
from tests.e2e.stack import Stack, docker

STACKS: dict[str, type[Stack]] = {"compose": ComposeStack, "kubernetes": PodStack}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Built, started and healthy; taken down with its volumes whatever happens."""
    try:
        docker("info")
    except (OSError, subprocess.SubprocessError):
        pytest.exit("the journeys need a running Docker engine with Compose 2.20 or newer", returncode=2)
    running = STACKS[os.environ.get("STACK", "compose")]()
    try:
        bring_up(running)
        yield running
        measure_memory(running)
    finally:
        running.close()
        print_table(running.measured)


def bring_up(stack: Stack) -> None:
    """Started and ready, timed."""
    if isinstance(stack, ComposeStack):
        started = monotonic()
        stack.compose("build")
        stack.measured["build"] = f"{monotonic() - started:.0f} s"
    started = monotonic()
    stack.up()
    stack.wait_ready()
    stack.measured["up, ready"] = f"{monotonic() - started:.0f} s"


def measure_memory(stack: Stack) -> None:
    """Resident memory of every container, as its control group counts it."""
    for service in stack.services:
        line = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", stack.container(service))
        stack.measured[f"memory of {service}"] = line.strip().split(" / ")[0]


def print_table(measured: dict[str, str]) -> None:
    """What was measured, in the order of measuring."""
    width = max(map(len, measured), default=0)
    print("\n" + "\n".join(f"{name:<{width}}  {value}" for name, value in measured.items()))
