"""A rolling update as Kubernetes does it, with real processes: the new pod is ready before the old one is told to end.

What a cluster does in parallel is done in its worst order: the Service sends to the old pod for almost as long as
`preStop` holds the signal back.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

import httpx
import pytest
import yaml

from tests.architecture.sources import ROOT
from tests.contract.families import WRITERS
from tests.support.peers import FakePredictor, Peer
from tests.support.publishing import Publisher
from tests.support.relay import Relay
from tests.support.servers import ServerProcess, free_port, wait_for
from vigie.catalogue import find_family

ENDING = yaml.safe_load((ROOT / "k8s" / "components" / "hardened" / "termination.yaml").read_text("utf-8"))
PRE_STOP_SECONDS = ENDING[0]["value"]["preStop"]["sleep"]["seconds"]
WITHDRAWN_AFTER = PRE_STOP_SECONDS - 1
ROLLS = 3
ALIAS = "rolling"
NOWHERE = "http://127.0.0.1:9"


class Pod(ServerProcess):
    """One process of a service, ready once `path` says so."""

    def __init__(self, module: str, port_variable: str, path: str, folder: Path, environment: dict[str, str]) -> None:
        port = free_port()
        home = folder / f"{module}-{port}"
        home.mkdir(parents=True)
        super().__init__(
            [sys.executable, "-m", module],
            port=port,
            log=home / "log",
            environment=environment | {port_variable: str(port), "VIGIE_HOME": str(home)},
        )
        self._url = f"http://127.0.0.1:{port}{path}"

    def ready(self) -> bool:
        """Its readiness probe."""
        try:
            return httpx.get(self._url, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Clients:
    """Ask without a pause, half of them with a new connection for every request; keep what was not answered."""

    url: str
    failures: list[str] = field(default_factory=list)
    answered: int = 0
    stop: Event = field(default_factory=Event)

    def run(self, number: int) -> None:
        """One of them."""
        limits = httpx.Limits(max_keepalive_connections=0 if number % 2 else None)
        with httpx.Client(base_url=self.url, limits=limits, timeout=30) as client:
            while not self.stop.is_set():
                self.answered += 1  # a text of its own: an answer from memory would reach no predictor
                try:
                    answer = client.post("/predict", json={"text": f"late again {number} {self.answered}"})
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if answer.status_code != 200 or answer.json()["degraded"]:
                    self.failures.append(answer.text)


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """What is ended after the test, last things first."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.timeout(300)
def test_no_request_fails_while_the_gateway_rolls(started: ExitStack, tmp_path: Path) -> None:
    predictor, service = started.enter_context(Peer(FakePredictor().app())), started.enter_context(Relay())
    environment = gateway_settings(predictor.url)
    pods = [Pod("gateway", "GATEWAY_PORT", "/readyz", tmp_path, environment) for _ in range(ROLLS + 1)]
    rolled(started, service, pods, ask=service.url)


@pytest.mark.timeout(300)
def test_no_request_fails_while_a_predictor_rolls(started: ExitStack, tmp_path: Path, mlflow_url: str) -> None:
    family = find_family("logreg")
    Publisher(mlflow_url, family).publish(partial(WRITERS["logreg"], strength=1.0, off_by=0.0), alias=ALIAS)
    service = started.enter_context(Relay())
    environment = {"MLFLOW_TRACKING_URI": mlflow_url, "MODEL_ALIAS": ALIAS, "MODEL_POLL_SECONDS": "0.2"}
    path, port = "/v2/health/ready", "PREDICTOR_LOGREG_PORT"
    pods = [Pod("predictor_logreg", port, path, tmp_path, environment) for _ in range(ROLLS + 1)]
    gateway = Pod("gateway", "GATEWAY_PORT", "/healthz", tmp_path, gateway_settings(service.url))
    started.callback(gateway.stop)
    gateway.start(gateway.ready)
    rolled(started, service, pods, ask=f"http://127.0.0.1:{gateway.port}")


def gateway_settings(predictor: str) -> dict[str, str]:
    """One family, and nothing else that answers: votes and the log are not asked for here."""
    urls = dict.fromkeys(("FEEDBACK_URL", "ALERTING_URL"), NOWHERE)
    further = {"REDIS_URL": "redis://127.0.0.1:9/0", "PREDICT_TIMEOUT_SECONDS": "30"}
    return urls | {"MODELS": "logreg", "PREDICTOR_URL": predictor} | further


def rolled(started: ExitStack, service: Relay, pods: list[Pod], *, ask: str) -> None:
    """Replaces each pod by the next while clients ask at `ask`, and expects every one of their requests answered."""
    old, *further = pods
    started.callback(old.stop)
    old.start(old.ready)
    service.endpoints = (old.port,)
    clients = Clients(ask)
    with asking(clients):
        wait_for(lambda: clients.answered > 20, what="requests")
        for new in further:
            started.callback(new.stop)
            new.start(new.ready)
            replace(service, old, new)
            old = new
    assert clients.failures == []
    assert clients.answered > 100


def replace(service: Relay, old: Pod, new: Pod) -> None:
    """Both take requests for a while, then the Service forgets the old pod, and a second later it is told to end."""
    service.endpoints = (old.port, new.port)
    told = monotonic()
    wait_for(lambda: monotonic() > told + WITHDRAWN_AFTER, what="the withdrawal")
    service.endpoints = (new.port,)
    wait_for(lambda: monotonic() > told + PRE_STOP_SECONDS, what="the end of preStop")
    old.stop()


@contextmanager
def asking(clients: Clients) -> Iterator[None]:
    """Four of them at work."""
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(clients.run, number) for number in range(4)]
        try:
            yield
        finally:
            clients.stop.set()
        for each in working:
            each.result()
