"""Real servers for tests: each has a free port and a folder of its own and can be stopped, killed and restarted."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import httpx
import psycopg

from tests.architecture.sources import compose

SERVICE = "vigie"
FIRST_PORT, PORTS_EACH = 15_000, 2_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A TCP port that nothing listens on right now, and that this process has not given away before.

    Each worker of pytest-xdist has a range of its own, below the one from which connections that go out get theirs;
    where there is no such room, the system chooses.
    """
    with _TURN:
        return next((port for port in _PORTS if _is_free(port)), None) or _bound(0)


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = FIRST_PORT + worker * PORTS_EACH
    lowest = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else 0
    ports = range(start, min(start + PORTS_EACH, lowest))
    # Not the same ones as the run before, of which a late connection may still come.
    skipped = os.getpid() * 50 % len(ports) if ports else 0
    yield from (*ports[skipped:], *ports[:skipped])


def _is_free(port: int) -> bool:
    try:
        return _bound(port) == port
    except OSError:
        return False


def _bound(port: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])


_PORTS, _TURN = _own_ports(), Lock()


def wait_for(
    condition: Callable[[], object], *, seconds: float = 60.0, pause: float = 0.02, what: str = "the condition"
) -> None:
    """Polls until `condition()` is true; fails with `what` after the deadline."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"{what} did not hold within {seconds} s")
        sleep(pause)


def answers(port: int) -> bool:
    """Whether something accepts TCP connections on that port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerProcess:
    """A child process that listens on `port`; its output goes to `log`."""

    def __init__(self, command: list[str], *, port: int, log: Path, environment: dict[str, str] | None = None) -> None:
        self.command = command
        self.port = port
        self.log = log
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], object] | None = None, *, seconds: float = 60.0) -> None:
        """Starts the process and waits until it is ready (by default: until it listens)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=os.environ | self.environment, stdout=log, stderr=log, start_new_session=True
            )
        process = self.process

        def up() -> object:
            if process.poll() is not None:
                raise RuntimeError(
                    f"{self.command[0]} ended with {process.returncode}:\n{self.log.read_text()[-3000:]}"
                )
            return ready() if ready else answers(self.port)

        try:
            # Seldom: asking over HTTP costs as much as what it waits for.
            wait_for(up, seconds=seconds, pause=0.1, what=f"{self.command[0]} on port {self.port}")
        except BaseException:
            self.stop()  # nobody else will
            raise

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process and everything it started; SIGKILL when it does not follow within 10 s."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, sign)
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        except ProcessLookupError:
            self.process.wait(10)
        self.process = None

    def kill(self) -> None:
        """`kill -9`."""
        self.stop(signal.SIGKILL)


def service_user() -> list[str]:
    """The options that make the user whom the services are in Compose, with no more rights than there."""
    words: list[str] = compose()["redis"]["command"]
    return ["--user", SERVICE, "on", f">{SERVICE}", *words[words.index(SERVICE) + 3 :]]


def as_service(url: str) -> str:
    """The same Redis for that user."""
    return url.replace("redis://", f"redis://{SERVICE}:{SERVICE}@")


class RedisServer(ServerProcess):
    """Redis with its append-only file on, so that a restart keeps what was written; with the services' user."""

    def __init__(self, folder: Path, *options: str) -> None:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        users = [] if "--user" in options else service_user()
        super().__init__([*command, "--appendonly", "yes", *users, *options], port=port, log=folder / "redis.log")
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self, ready: Callable[[], object] | None = None, *, seconds: float = 60.0) -> None:
        """Starts Redis and waits until it has read its file: it listens before, and refuses every command."""
        super().start(ready or (lambda: _has_loaded(self.port)), seconds=seconds)


def _has_loaded(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(100)
    except OSError:
        return False
    return bool(answer) and not answer.startswith(b"-LOADING")


class MlflowServer(ServerProcess):
    """The MLflow service of this repository on SQLite."""

    def __init__(self, folder: Path, **further: str) -> None:
        port = free_port()
        environment = {"MLFLOW_PORT": str(port), "VIGIE_HOME": str(folder), "MLFLOW_TRACKING_URI": ""} | further
        super().__init__(
            [sys.executable, "-m", "mlflow_server"], port=port, log=folder / "mlflow.log", environment=environment
        )
        self.url = f"http://127.0.0.1:{port}"

    def healthy(self) -> bool:
        """Whether `/health` answers 200."""
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class PostgresServer(ServerProcess):
    """PostgreSQL in a folder of its own, trusting the loopback; root hands it to the user `postgres`."""

    def __init__(self, folder: Path, *further: str) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        port = free_port()
        data = folder / "data"
        self._become = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        )
        if self._become:
            shutil.chown(folder, "postgres", "postgres")
        initdb = [*self._become, str(binaries / "initdb"), "-D", str(data), "-U", "vigie", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True, cwd=folder)
        options = ["-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        super().__init__(
            [*self._become, str(binaries / "postgres"), "-D", str(data), *options, *further],
            port=port,
            log=folder / "postgres.log",
        )
        self.url = f"postgresql://vigie@127.0.0.1:{port}/postgres"

    def accepts(self) -> bool:
        """Whether a session can be opened: the port is open a moment earlier."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
