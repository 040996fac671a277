"""Ends one service after the other, and sees each one come back by itself."""

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic, time

import psutil

from tests.support.servers import wait_for
from tests.support.system import LocalSystem

SERVICES = ("gateway", "predictor-logreg", "feedback", "alerting", "redis", "mlflow")
SIGNALS = (signal.SIGTERM, signal.SIGKILL)
PAUSE_SECONDS = (4.0, 12.0)
BACK_WITHIN_SECONDS = 90.0
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Calamity:
    """What is ended, how, and how many seconds after the system was whole again."""

    pause: float
    service: str
    sign: signal.Signals


@dataclass(frozen=True, slots=True)
class Ending:
    """One that happened: `at` in seconds since the start, `unix` as a clock says; `back_after` is null if never."""

    service: str
    sign: signal.Signals
    at: float
    unix: float
    back_after: float | None


def calamities(seed: int) -> Iterator[Calamity]:
    """Without end, the same for the same seed; nothing comes a second time before all others have had their turn."""
    chance = Random(seed)
    while True:
        for service in chance.sample(SERVICES, len(SERVICES)):
            yield Calamity(chance.uniform(*PAUSE_SECONDS), service, chance.choice(SIGNALS))


class Havoc:
    """Brings calamities over a system, one at a time; `gateway_away` says when nobody may expect an answer."""

    def __init__(self, system: LocalSystem, seed: int) -> None:
        self._system = system
        self._coming = calamities(seed)
        self._away_until: float | None = 0.0
        self.endings: list[Ending] = []

    def gateway_away(self) -> bool:
        """Whether the gateway was ended and has not been back for `GRACE_SECONDS`."""
        return self._away_until is None or monotonic() < self._away_until

    def run(self, seconds: float, over: threading.Event) -> None:
        """Until nothing further fits into `seconds`, or `over` is set."""
        started = monotonic()
        for coming in self._coming:
            if monotonic() - started + coming.pause > seconds or over.wait(coming.pause):
                return
            self.endings.append(self._end(coming, monotonic() - started))

    def _end(self, calamity: Calamity, at: float) -> Ending:
        victim, ended, unix = self._system.processes()[calamity.service], monotonic(), time()
        if calamity.service == "gateway":
            self._away_until = None
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(calamity.sign)
        back = self._comes_back(calamity.service, victim.pid)
        if calamity.service == "gateway":
            self._away_until = monotonic() + GRACE_SECONDS
        return Ending(calamity.service, calamity.sign, at, unix, monotonic() - ended if back else None)

    def _comes_back(self, name: str, old: int) -> bool:
        def back() -> bool:
            process = self._system.processes().get(name)
            return process is not None and process.pid != old and self._system.complete()

        with suppress(TimeoutError):
            wait_for(back, seconds=BACK_WITHIN_SECONDS, what=f"a new {name}")
            return True
        return False
