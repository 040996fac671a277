"""The system as `docker compose up` runs it: project name, ports and volumes that nothing else uses."""

import os
import subprocess
import uuid

from tests.architecture.sources import ROOT, compose
from tests.e2e.stack import COOLDOWN_SECONDS, Stack
from tests.support.servers import free_port

START_SECONDS = 1800  # every family is fitted first, and small machines take their time
PORTS = (
    *("GATEWAY_PORT", "FEEDBACK_PORT", "ALERTING_PORT", "MLFLOW_PORT", "MAILPIT_PORT"),
    "PREDICTOR_LOGREG_PORT",
)


class ComposeStack(Stack):
    """One Compose project."""

    def __init__(self) -> None:
        super().__init__()
        self.project = f"vigie-e2e-{uuid.uuid4().hex[:8]}"
        self.ports = {name: free_port() for name in PORTS}

    @property
    def services(self) -> list[str]:
        """See `Stack`."""
        return sorted(name for name, said in compose().items() if name != "training" and "profiles" not in said)

    def up(self) -> None:
        """`docker compose up --wait`; on failure the containers' last lines are in the message."""
        try:
            self.compose("up", "--wait", "--wait-timeout", str(START_SECONDS), seconds=START_SECONDS + 60)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.compose('logs', '--no-color', '--tail', '40')}") from None
        urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        self.connect(urls["GATEWAY_PORT"], urls["MAILPIT_PORT"], urls["MLFLOW_PORT"])

    def close(self) -> None:
        """See `Stack`."""
        self.disconnect()
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")

    def stop(self, service: str) -> None:
        """See `Stack`."""
        self.compose("stop", "--timeout", "20", service)

    def start(self, service: str) -> None:
        """See `Stack`."""
        self.compose("start", service)

    def train(self, *arguments: str) -> None:
        """See `Stack`."""
        self.compose("run", "--rm", "--no-deps", "training", *arguments)

    def container(self, service: str) -> str:
        """See `Stack`."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def compose(self, *arguments: str, seconds: float = 600) -> str:
        """Runs `docker compose …` on this stack; a failure shows what it said."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.project, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "DOCKER_HOST")}
        ports = {name: str(port) for name, port in self.ports.items()}
        return kept | ports | {"ALERT_COOLDOWN_SECONDS": str(COOLDOWN_SECONDS), "MODEL_POLL_SECONDS": "1"}
