"""Resident memory after a hundred thousand requests, and whether it grows under a steady load."""

import os
from statistics import mean
from threading import Event, Thread
from time import monotonic

import psutil

from tests.bench.stage import Stage
from tests.support.system import LocalSystem, tree_rss

FAMILIES = ("logreg", "distilbert")
WATCHED = ("gateway", "predictor-logreg", "predictor-distilbert")
REQUESTS = 100_000
EVERY_SECONDS = 2.0
MINUTES = float(os.environ.get("MEMORY_MINUTES", "10"))

Curve = list[tuple[float, float]]
"""Seconds since the start, resident MB."""


def measure(stage: Stage) -> dict[str, object]:
    """First the requests, family by family, then `MEMORY_MINUTES` of both kinds in turn."""
    with stage.running("memory", *FAMILIES) as system:
        before = _resident(system)
        for family in FAMILIES:
            _send(stage, system, family, REQUESTS)
        after = _resident(system)
        curves = _watched(stage, system)
    return {
        "rss_mb_at_first": before,
        f"rss_mb_after_{REQUESTS}_requests": after,
        "minutes": MINUTES,
        "growth_of_last_half_percent": {name: growth(curve) for name, curve in curves.items()},
        "curves": curves,
    }


def growth(curve: Curve) -> float:
    """From the middle of the curve to its end, each over a tenth of it, in percent."""
    tenth, half = max(1, len(curve) // 10), len(curve) // 2
    start, end = (mean(mb for _, mb in part) for part in (curve[half : half + tenth], curve[-tenth:]))
    return (end / start - 1) * 100


def _send(stage: Stage, system: LocalSystem, family: str, requests: int) -> None:
    left = float(requests)
    while left > 0:
        left -= 10 * stage.load.run(system.url, connections=64, seconds=10, model=family, warm_up=0).rate


def _watched(stage: Stage, system: LocalSystem) -> dict[str, Curve]:
    curves: dict[str, Curve] = {name: [] for name in WATCHED}
    over, started = Event(), monotonic()

    def watch() -> None:
        while not over.wait(EVERY_SECONDS):
            for name, resident in _resident(system).items():
                curves[name].append((round(monotonic() - started, 1), resident))

    thread = Thread(target=watch)
    thread.start()
    try:
        while monotonic() - started < 60 * MINUTES:
            for family in FAMILIES:
                stage.load.run(system.url, connections=64, seconds=5, model=family, warm_up=0)
    finally:
        over.set()
        thread.join()
    return curves


def _resident(system: LocalSystem) -> dict[str, float]:
    processes: dict[str, psutil.Process] = system.processes()
    return {name: round(tree_rss(processes[name]), 1) for name in WATCHED}
