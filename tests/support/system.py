"""The whole system as `make run` starts it, on free ports and in a folder of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from tests.support.servers import ServerProcess, free_port

PORTS = (
    "GATEWAY_PORT",
    "FEEDBACK_PORT",
    "ALERTING_PORT",
    "MLFLOW_PORT",
    "UI_PORT",
    "PREDICTOR_LOGREG_PORT",
    "REDIS_PORT",
    "SMTP_PORT",
)


class LocalSystem:
    """Start, look at, and stop one system. `environment` holds further variables."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.ports = {name: free_port() for name in PORTS}
        self.environment = {name: str(port) for name, port in self.ports.items()} | environment
        self.url = f"http://127.0.0.1:{self.environment['GATEWAY_PORT']}"
        self.page = f"http://127.0.0.1:{self.environment['UI_PORT']}"
        self.log = home / "run.log"
        self._supervisor = ServerProcess(
            [sys.executable, "-m", "vigie.local"],
            port=int(self.environment["GATEWAY_PORT"]),
            log=self.log,
            environment={"VIGIE_HOME": str(home)} | self.environment,
        )

    def start(self, seconds: float = 300.0) -> None:
        """Returns once `GET /readyz` is 200 and names no dependency that is missing."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._supervisor.start(self.complete, seconds=seconds)

    def stop(self) -> None:
        """As Ctrl-C does, with time for every program to end by itself."""
        process = self._supervisor.process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(300)
            self._supervisor.process = None

    def kill(self) -> None:
        """`kill -9` of the supervisor alone."""
        process = self._supervisor.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        self._supervisor.process = None

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """Kills a program and sees to it that nobody starts it again meanwhile."""
        assert self._supervisor.process is not None
        supervisor, killed = psutil.Process(self._supervisor.process.pid), self.processes()[program]
        supervisor.suspend()
        try:
            killed.kill()
            yield
        finally:
            supervisor.resume()

    def complete(self) -> bool:
        """Whether the gateway is ready and every dependency is ok."""
        try:
            reply = httpx.get(f"{self.url}/readyz", timeout=5)
        except httpx.HTTPError:
            return False
        return reply.status_code == 200 and set(reply.json()["dependencies"].values()) == {"ok"}

    def processes(self) -> dict[str, psutil.Process]:
        """The running programs, by the names that the supervisor gives them."""
        process = self._supervisor.process
        assert process is not None
        found = {}
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.Error):  # one that is just ending
                found[name_of(child)] = child
        return found


def name_of(process: psutil.Process) -> str:
    """What the supervisor told the process; Redis writes its title over that."""
    return process.environ().get("SUPERVISOR_PROCESS_NAME") or "".join(process.cmdline()[:1]).partition("-")[0]


def tree_rss(process: psutil.Process) -> float:
    """Resident MB of a program and its children."""
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20
