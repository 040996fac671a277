"""The alerting service for tests: as a process that can be killed, with every interval short."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.servers import ServerProcess, free_port

QUICK = {
    "smtp_timeout_seconds": 5.0,
    "smtp_retry_seconds": 0.1,
    "smtp_unreachable_limit_seconds": 0.3,
    "smtp_retry_limit_seconds": 0.5,
    "smtp_ambiguous_seconds": 0.5,
    "smtp_auth_pause_seconds": 0.5,
    "smtp_test_timeout_seconds": 1.0,
    "delivery_lease_seconds": 6.0,
    "delivery_poll_seconds": 0.3,
    "stream_claim_seconds": 0.5,
    "stream_claim_every_seconds": 0.3,
    "housekeeping_seconds": 0.2,
}
# For tests that wait for the end of one: on a starved machine, a mail that is on its way then goes out twice.
IMPATIENT = {"smtp_timeout_seconds": 1.0, "delivery_lease_seconds": 1.5}


class Worker(ServerProcess):
    """`python -m alerting` in a process of its own; `environment` holds settings by field name."""

    def __init__(self, home: Path, **environment: object) -> None:
        port = free_port()
        settings = QUICK | environment | {"alerting_port": port, "vigie_home": home}
        super().__init__(
            [sys.executable, "-m", "alerting"],
            port=port,
            log=home / f"alerting-{port}.log",
            environment={name.upper(): str(value) for name, value in settings.items()},
        )
        self.url = f"http://127.0.0.1:{port}"

    def run(self) -> "Worker":
        """Starts and waits until it is ready."""
        self.start(self.ready, seconds=120)
        return self

    def ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def alerts(self) -> list[dict[str, Any]]:
        """`GET /alerts`."""
        items: list[dict[str, Any]] = httpx.get(f"{self.url}/alerts", timeout=5).json()["items"]
        return items

    def deliveries(self, **wanted: str) -> list[dict[str, Any]]:
        """Every delivery of every alert that has these values."""
        found = [delivery for alert in self.alerts() for delivery in alert["deliveries"]]
        return [one for one in found if wanted.items() <= one.items()]

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Log lines with that message."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == message]


MakeWorker = Callable[..., Worker]
