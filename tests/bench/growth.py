"""What more processes bring, what more requests cost, and what more tokens cost."""

from collections.abc import Sequence
from contextlib import ExitStack

from tests.bench.in_process import time_by_tokens
from tests.bench.load import finish
from tests.bench.stage import Stage
from tests.support.system import LocalSystem

FAMILIES = ("logreg", "distilbert")
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
SECONDS = 6
CONNECTIONS = 64


def measure(stage: Stage) -> dict[str, object]:
    """Rates by number of processes, latency by the rate of requests, time by tokens."""
    with stage.running("growth", *FAMILIES) as system:
        return {
            "gateways": {family: _gateways(stage, system, family) for family in FAMILIES},
            "replicas": {family: _replicas(stage, system, family) for family in FAMILIES},
            "latency_by_rate": {family: _latency(stage, system, family) for family in FAMILIES},
            "time_by_tokens": time_by_tokens(stage.artefact(system, "distilbert")),
        }


def _gateways(stage: Stage, system: LocalSystem, family: str) -> dict[str, float]:
    """Requests per second through one gateway process and through two, over the same predictors."""
    with stage.another(system, "gateway") as second:
        return {"1": _rate(stage, [system.url], family), "2": _rate(stage, [system.url, second], family)}


def _replicas(stage: Stage, system: LocalSystem, family: str) -> dict[str, float]:
    """Requests per second through a gateway of its own that knows one replica of the predictor, or two."""
    port = system.environment[f"PREDICTOR_{family.upper()}_PORT"]
    first = f"http://127.0.0.1:{port}"
    found = {}
    with ExitStack() as stack:
        second = stack.enter_context(stage.another(system, f"predictor-{family}"))
        for number, urls in enumerate((first, f"{first},{second}"), 1):
            settings = {"PREDICTOR_URL": urls, "MODELS": family, "DEFAULT_MODEL": family}
            url = stack.enter_context(stage.another(system, "gateway", **settings))
            found[str(number)] = _rate(stage, [url], family)
    return found


def _latency(stage: Stage, system: LocalSystem, family: str) -> list[dict[str, float]]:
    """At shares of the most that is served at 64 connections."""
    most = _rate(stage, [system.url], family)
    found = []
    for share in SHARES:
        taken = stage.load.run(system.url, connections=256, seconds=SECONDS, model=family, rate=share * most, warm_up=1)
        answered = taken.answers[200]
        found.append({"requests_per_s": answered.per_s, "p50_ms": answered.p50_ms, "p99_ms": answered.p99_ms})
    return found


def _rate(stage: Stage, urls: Sequence[str], family: str) -> float:
    """Of all gateways together; the connections are shared out between them."""
    for seconds in (2, SECONDS):
        loads = [
            stage.load.begin(url, connections=CONNECTIONS // len(urls), seconds=seconds, model=family) for url in urls
        ]
        total = sum(finish(load).rate for load in loads)
    return total
