"""One stack for all journeys; the table of what was measured is printed at the end."""

import subprocess
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.e2e.stack import SERVICES, Stack, docker


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Built, started and healthy; taken down with its volumes whatever happens."""
    try:
        docker("info")
    except (OSError, subprocess.SubprocessError):
        pytest.exit("the journeys need a running Docker engine with Compose 2.20 or newer", returncode=2)
    running = Stack()
    try:
        bring_up(running)
        yield running
        measure_memory(running)
    finally:
        running.close()
        print_table(running.measured)


def bring_up(stack: Stack) -> None:
    """`docker compose up --build --wait`, timed; on failure the containers' last lines are in the message."""
    started = monotonic()
    stack.compose("build")
    stack.measured["build"] = f"{monotonic() - started:.0f} s"
    started = monotonic()
    try:
        stack.compose("up", "--wait", "--wait-timeout", "300")
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{stack.compose('logs', '--no-color', '--tail', '40')}") from None
    stack.wait_ready()
    stack.measured["up, ready"] = f"{monotonic() - started:.0f} s"


def measure_memory(stack: Stack) -> None:
    """Resident memory of every container, as its control group counts it."""
    for service in SERVICES:
        line = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", stack.inspect(service)["Id"])
        stack.measured[f"memory of {service}"] = line.strip().split(" / ")[0]


def print_table(measured: dict[str, str]) -> None:
    """What was measured, in the order of measuring."""
    width = max(map(len, measured), default=0)
    print("\n" + "\n".join(f"{name:<{width}}  {value}" for name, value in measured.items()))
