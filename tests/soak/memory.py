"""Resident memory of every program over time, and how much each one grew in the longest of its lives."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from time import monotonic

import psutil

from tests.support.system import LocalSystem, tree_rss

EVERY_SECONDS = 2.0
SETTLED_AFTER = 0.2


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident MB of one process and its children at a time in seconds."""

    at: float
    pid: int
    mb: float


@dataclass(frozen=True, slots=True)
class Growth:
    """From the first fifth of the life of one process to its end, over `seconds`; `starts` counts processes."""

    start_mb: float
    end_mb: float
    percent: float
    seconds: float
    starts: int


class MemoryWatch:
    """A thread that samples until `stop`."""

    def __init__(self, system: LocalSystem) -> None:
        self._system = system
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def start(self) -> None:
        """Takes the first sample now."""
        self._thread.start()

    def stop(self) -> dict[str, Growth]:
        """Ends the watch; the growth of every program that was seen."""
        self._over.set()
        self._thread.join()
        return {name: growth(samples) for name, samples in sorted(self._samples.items())}

    def _watch(self) -> None:
        while not self._over.is_set():
            for name, process in self._system.processes().items():
                try:
                    self._samples[name].append(Sample(monotonic(), process.pid, tree_rss(process)))
                except psutil.NoSuchProcess:
                    continue
            self._over.wait(EVERY_SECONDS)


def growth(samples: Sequence[Sample]) -> Growth:
    """Of the process that lived longest: the last one may have just begun, and what starts grows.

    Samples are in the order of time, and there is at least one.
    """
    lives = [list(life) for _, life in groupby(samples, key=lambda sample: sample.pid)]
    life = max(lives, key=lambda life: life[-1].at - life[0].at)
    last = life[-1]
    settled = life[0].at + SETTLED_AFTER * (last.at - life[0].at)
    first = next(sample for sample in life if sample.at >= settled)
    percent = (last.mb / first.mb - 1) * 100
    return Growth(first.mb, last.mb, percent, last.at - first.at, len(lives))
