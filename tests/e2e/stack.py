"""A Compose stack of its own: project name, ports and volumes that nothing else uses."""

import json
import os
import subprocess
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.architecture.sources import ROOT, compose
from tests.support.servers import free_port, wait_for

BASE_IMAGE = "python:3.11-slim-bookworm"
PORTS = (
    *("GATEWAY_PORT", "FEEDBACK_PORT", "ALERTING_PORT", "MLFLOW_PORT", "MAILPIT_PORT"),
    "PREDICTOR_LOGREG_PORT",
)
COOLDOWN_SECONDS = 20
SERVICES = sorted(set(compose()) - {"training"})

Json = dict[str, Any]


@dataclass
class Stack:
    """The running system and what was measured on it."""

    project: str = field(default_factory=lambda: f"vigie-e2e-{uuid.uuid4().hex[:8]}")
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})
    measured: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gateway = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['GATEWAY_PORT']}", timeout=30)
        self.mailpit = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['MAILPIT_PORT']}", timeout=30)
        self.mlflow = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['MLFLOW_PORT']}", timeout=30)

    def compose(self, *arguments: str, seconds: float = 600) -> str:
        """Runs `docker compose …` on this stack; a failure shows what it said."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.project, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """Removes containers and volumes."""
        for client in (self.gateway, self.mailpit, self.mlflow):
            client.close()
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")

    def inspect(self, service: str) -> Json:
        """What the engine knows of a service's container."""
        identifier = self.compose("ps", "--all", "--quiet", service).strip()
        found: list[Json] = json.loads(docker("inspect", identifier))
        return found[0]

    def wait_ready(self, seconds: float = 120) -> None:
        """Until the gateway says that everything it needs is there."""
        wait_for(self.is_ready, seconds=seconds, what="GET /readyz")

    def is_ready(self) -> bool:
        """Whether `/readyz` is 200 and every dependency is `ok`."""
        try:
            answer = self.gateway.get("/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and set(answer.json()["dependencies"].values()) == {"ok"}

    def predict(self, text: str) -> Json:
        """One prediction."""
        return _json(self.gateway.post("/predict", json={"text": text}))

    def vote(self, prediction: Json, verdict: str = "incorrect") -> Json:
        """One vote."""
        body = {"prediction_id": prediction["prediction_id"], "verdict": verdict}
        return _json(self.gateway.post("/feedback", json=body))

    def history(self, since: str) -> set[str]:
        """Identifiers of the predictions logged since a moment (ISO 8601), at most 500."""
        found = _json(self.gateway.get("/predictions", params={"since": since, "limit": 500}))
        return {item["prediction_id"] for item in found["items"]}

    def votes(self) -> set[str]:
        """Identifiers of the current votes."""
        return {item["feedback_id"] for item in _json(self.gateway.get("/feedback?limit=500"))["items"]}

    def alerts(self) -> list[Json]:
        """The alert history, newest first."""
        found: list[Json] = _json(self.gateway.get("/alerts"))["items"]
        return found

    def name_champion(self, version: str) -> None:
        """Moves the alias, past the gate."""
        alias = {"name": "vigie-logreg", "alias": "champion", "version": version}
        _json(self.mlflow.post("/api/2.0/mlflow/registered-models/alias", json=alias))

    def mails(self) -> list[Json]:
        """What arrived in the mailbox, newest first."""
        found: list[Json] = _json(self.mailpit.get("/api/v1/messages"))["messages"]
        return found

    def mail(self, identifier: str) -> Json:
        """One mail with its text."""
        return _json(self.mailpit.get(f"/api/v1/message/{identifier}"))

    def served_version(self) -> str:
        """The version that the gateway's default model answers with."""
        version: str = self.predict("just checking")["model"]["version"]
        return version

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "DOCKER_HOST")}
        ports = {name: str(port) for name, port in self.ports.items()}
        return kept | ports | {"ALERT_COOLDOWN_SECONDS": str(COOLDOWN_SECONDS), "MODEL_POLL_SECONDS": "1"}


def docker(*arguments: str) -> str:
    """Runs `docker …`."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


def image_megabytes(image: str) -> float:
    """Size of an image."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _json(answer: httpx.Response) -> Json:
    assert answer.status_code in (200, 201), f"{answer.request.url}: {answer.status_code} {answer.text}"
    found: Json = answer.json()
    return found
