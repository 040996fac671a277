"""The running system as the journeys see it, whoever runs its containers."""

import json
import subprocess
from abc import ABC, abstractmethod
from typing import Any

import httpx

from tests.support.servers import wait_for

BASE_IMAGE = "python:3.11-slim-bookworm"
COOLDOWN_SECONDS = 20

Json = dict[str, Any]


class Stack(ABC):
    """A system of its own and what was measured on it; a subclass starts and stops its parts."""

    gateway: httpx.Client
    mailpit: httpx.Client
    mlflow: httpx.Client

    def __init__(self) -> None:
        self.measured: dict[str, str] = {}

    @property
    @abstractmethod
    def services(self) -> list[str]:
        """Everything that keeps running, by name."""

    @abstractmethod
    def up(self) -> None:
        """Starts everything and connects the clients."""

    @abstractmethod
    def close(self) -> None:
        """Removes containers and volumes."""

    @abstractmethod
    def stop(self, service: str) -> None:
        """Ends a service as the platform does."""

    @abstractmethod
    def start(self, service: str) -> None:
        """Starts it again."""

    @abstractmethod
    def train(self, *arguments: str) -> None:
        """Runs `vigie-train …` once, to its end."""

    @abstractmethod
    def container(self, service: str) -> str:
        """The engine's name for a service's container."""

    def restart(self, service: str) -> None:
        """Ends a service and starts it again."""
        self.stop(service)
        self.start(service)

    def connect(self, gateway: str, mailpit: str, mlflow: str, login: tuple[str, str] | None = None) -> None:
        """Clients of what can be reached from outside, by URL."""
        self.gateway = httpx.Client(base_url=gateway, timeout=30)
        self.mailpit = httpx.Client(base_url=mailpit, timeout=30)
        self.mlflow = httpx.Client(base_url=mlflow, timeout=30, auth=login)

    def disconnect(self) -> None:
        """Closes the clients."""
        for name in ("gateway", "mailpit", "mlflow"):
            if client := getattr(self, name, None):
                client.close()

    def inspect(self, service: str) -> Json:
        """What the engine knows of a service's container."""
        found: list[Json] = json.loads(docker("inspect", self.container(service)))
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
