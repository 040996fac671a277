"""Every process of `make run` is killed or frozen under load: who is answered meanwhile, and how many requests fail."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import httpx
import psutil
import pytest

from tests.support.servers import free_port, wait_for
from tests.support.system import LocalSystem

CLIENTS = 6
FAMILIES = ("logreg", "forest")
KNOCK_SECONDS = 0.05
CUT_OFF_SECONDS = 1.0
BEHIND = ("redis", "mailbox", "mlflow", "predictor-logreg", "predictor-forest", "feedback", "alerting", "ui")

pytestmark = pytest.mark.timeout(600)


@dataclass
class Load:
    """Clients that ask for `logreg` without a pause, each on a connection of its own.

    `failed` are answers other than 200 and connections that broke off. Who finds nobody at the door knocks again: that
    is no request yet. Who was cut off comes back a little later, as a process that is being ended still takes
    connections until the kernel closes its door.
    """

    url: str
    answered: Counter[str] = field(default_factory=Counter)
    degraded: int = 0
    failed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=count)

    def ask(self) -> None:
        """One client, until it is over."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.over.is_set():
                body = {"text": f"three hours late again {next(self.numbers)}", "model": "logreg"}
                try:
                    reply = client.post("/predict", json=body)
                except httpx.ConnectError:
                    self.over.wait(KNOCK_SECONDS)
                    continue
                except httpx.TransportError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                    self.over.wait(CUT_OFF_SECONDS)
                    continue
                if reply.status_code != 200:
                    self.failed.append(f"{reply.status_code} {reply.text[:200]}")
                    continue
                self.answered[reply.json()["model"]["name"]] += 1
                self.degraded += reply.json()["degraded"]

    def more(self, family: str, further: int = 3 * CLIENTS, *, since: int | None = None) -> None:
        """Waits until that family has given so many answers further than now, or than it had given at some time."""
        before = self.answered[family] if since is None else since
        wait_for(lambda: self.answered[family] >= before + further, seconds=120, what=f"answers of {family}")


@contextmanager
def load(system: LocalSystem) -> Iterator[Load]:
    """Asks as long as the block runs."""
    asking = Load(system.url)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients: list[Future[None]] = [pool.submit(asking.ask) for _ in range(CLIENTS)]
        try:
            asking.more("logreg")
            yield asking
        finally:
            asking.over.set()
    for each in clients:
        each.result()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """Two families, of which each answers for the other."""
    home = tmp_path_factory.mktemp("system") / "var"
    told = {"MODELS": ",".join(FAMILIES), "FALLBACK": "logreg>forest,forest>logreg", "PREDICT_TIMEOUT_SECONDS": "10"}
    running = LocalSystem(home, MODEL_POLL_SECONDS="1", PREDICTOR_FOREST_PORT=str(free_port()), **told)
    running.start(400)
    yield running
    running.stop()


def back(system: LocalSystem, name: str, old: int) -> None:
    """Waits until another process has that name and everything is well."""

    def there() -> bool:
        process = system.processes().get(name)
        return process is not None and process.pid != old and system.complete()

    wait_for(there, seconds=180, what=f"a new {name}")


@pytest.mark.parametrize("name", BEHIND)
def test_whatever_is_killed_behind_the_gateway_no_request_fails(system: LocalSystem, name: str) -> None:
    with load(system) as asking:
        victim, before = system.processes()[name], asking.answered["forest"]
        victim.kill()
        if name == "predictor-logreg":
            asking.more("forest", since=before)
        back(system, name, victim.pid)
        asking.more("logreg")
    assert asking.failed == []
    assert asking.degraded > 0 or name != "predictor-logreg"


def test_a_killed_gateway_costs_no_more_than_the_requests_in_flight(system: LocalSystem) -> None:
    with load(system) as asking:
        victim = system.processes()["gateway"]
        victim.kill()
        back(system, "gateway", victim.pid)
        asking.more("logreg")
    print(f"\nkill -9 of the gateway: {len(asking.failed)} of {CLIENTS} requests in flight failed")
    assert len(asking.failed) <= CLIENTS, asking.failed


@pytest.mark.parametrize("name", ["redis", "mlflow", "feedback", "alerting"])
def test_whatever_hangs_behind_the_gateway_predictions_go_on(system: LocalSystem, name: str) -> None:
    with load(system) as asking, frozen(system, name):
        asking.more("logreg", 10 * CLIENTS)
    assert asking.failed == []
    wait_for(system.complete, seconds=120, what="a complete system")


def test_a_predictor_that_hangs_is_replaced_by_the_next_of_its_chain_and_asked_again_when_it_is_back(
    system: LocalSystem,
) -> None:
    with load(system) as asking:
        with frozen(system, "predictor-logreg"):
            asking.more("forest", 10 * CLIENTS)
        asking.more("logreg")
    assert asking.failed == []
    assert asking.degraded >= 10 * CLIENTS
    wait_for(system.complete, seconds=120, what="a complete system")


@contextmanager
def frozen(system: LocalSystem, name: str) -> Iterator[None]:
    """The program and what it started do nothing in the block, and live."""
    program = system.processes()[name]
    tree = [program, *program.children(recursive=True)]
    for process in tree:
        process.suspend()
    try:
        yield
    finally:
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def test_without_a_registry_a_predictor_comes_back_with_what_it_served_and_says_since_when(
    system: LocalSystem,
) -> None:
    with frozen(system, "mlflow"):
        victim = system.processes()["predictor-logreg"]
        victim.kill()

        def stale() -> bool:
            models = {model["name"]: model for model in httpx.get(f"{system.url}/models", timeout=20).json()["models"]}
            return bool(models["logreg"]["ready"] and models["logreg"]["stale_since"])

        wait_for(stale, seconds=120, what="the version of the cache")
        readiness: dict[str, str] = {}

        def ready() -> bool:
            reply = httpx.get(f"{system.url}/readyz", timeout=20)
            readiness.update(reply.json()["dependencies"])
            return reply.status_code == 200

        wait_for(ready, seconds=120, what="readiness")
        assert readiness["model:logreg"].startswith("ok, but stale since 20")
        reply = httpx.post(f"{system.url}/predict", json={"text": "late again", "model": "logreg"}, timeout=30)
        assert (reply.status_code, reply.json()["model"]["name"]) == (200, "logreg")
    wait_for(system.complete, seconds=120, what="a complete system")
