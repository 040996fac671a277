"""The error rule, case by case: the same rows as in the README of the service."""

from dataclasses import dataclass

from alerting.rule import RuleParameters
from tests.support.alerts import error_state
from vigie.schemas import ErrorState

NOON = 1_790_000_000_000
SECOND = 1_000


@dataclass(frozen=True)
class Step:
    """At `at` seconds after noon the state of `name` arrives; its error is at `error` seconds (by default: now)."""

    at: float
    name: str
    outcome: str
    error: float | str | None = "now"
    revision: int = 1
    model: str = "logreg"
    version: str = "1"

    @property
    def now_ms(self) -> int:
        return NOON + round(self.at * SECOND)

    def state(self) -> ErrorState:
        error_ms = self.now_ms if self.error == "now" else None
        if isinstance(self.error, int | float):
            error_ms = NOON + round(self.error * SECOND)
        return error_state(self.name, error_ms, revision=self.revision, model=self.model, version=self.version)


# The table of the README, row by row: (what it shows, rule, deliveries).
TABLE: dict[str, tuple[RuleParameters, list[Step]]] = {
    "299.999 s fires": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(150, "b", "counted"), Step(299.999, "c", "fired")],
    ),
    "300.000 s does not": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(150, "b", "counted"), Step(300, "c", "counted")],
    ),
    "300.000 s, and the next one": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(150, "b", "counted"), Step(300, "c", "counted"), Step(300.001, "d", "fired")],
    ),
    "three votes at the same millisecond": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(0, "b", "counted"), Step(0, "c", "fired")],
    ),
    "one prediction counts once": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(1, "a", "unchanged", error=0, revision=2),
            Step(2, "a", "unchanged", error=0, revision=3),
            Step(3, "b", "counted"),
        ],
    ),
    "repeated delivery": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(1, "b", "counted"), Step(2, "b", "duplicate", error=1), Step(3, "c", "fired")],
    ),
    "the third again, after it fired": (
        RuleParameters(cooldown_ms=0),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(2, "c", "fired"),
            Step(3, "c", "duplicate", error=2),
            Step(4, "c", "unchanged", error=2, revision=2),
        ],
    ),
    "late: the middle one arrives last": (
        RuleParameters(),
        [Step(10, "a", "counted", error=0), Step(299, "c", "counted"), Step(900, "b", "fired", error=150)],
    ),
    "late: the first one arrives last, 300.000 s before": (
        RuleParameters(),
        [
            Step(301, "b", "counted", error=150),
            Step(302, "c", "counted", error=300),
            Step(303, "a", "counted", error=0),
        ],
    ),
    "late: belongs to a burst that was told, the cool-down is over": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(10, "b", "counted"),
            Step(20, "d", "fired"),
            Step(2000, "c", "suppressed", error=15),
        ],
    ),
    "late: a burst of its own, hours before": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(2, "c", "fired"),
            Step(1000, "x", "counted", error=-9000),
            Step(1000, "y", "counted", error=-8990),
            Step(1000, "z", "fired", error=-8980),
        ],
    ),
    "older than the horizon": (
        RuleParameters(),
        [
            Step(0, "a", "too_old", error=-86_400.001),
            Step(0, "b", "counted", error=-86_400),
            Step(0, "c", "counted", error=-86_399),
            Step(0, "d", "fired", error=-86_398),
        ],
    ),
    "withdrawn in time": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(2, "b", "withdrawn", error=None, revision=2),
            Step(3, "c", "counted"),
            Step(4, "d", "fired"),
        ],
    ),
    "withdrawn after the mail": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(2, "c", "fired"),
            Step(3, "c", "withdrawn", error=None, revision=2),
            Step(4, "c", "told", revision=3),
        ],
    ),
    "a correct vote is no error": (
        RuleParameters(),
        [Step(0, "a", "no_error", error=None), Step(1, "b", "counted"), Step(2, "c", "counted")],
    ),
    "superseded: stale state after the newer one": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(3, "c", "no_error", error=None, revision=2),
            Step(4, "c", "duplicate", error=2, revision=1),
        ],
    ),
    "superseded: the earliest vote goes, the time moves": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(300, "b", "counted"),
            Step(310, "c", "counted"),
            Step(320, "a", "fired", error=305, revision=2),
        ],
    ),
    "a clock ahead is taken as now": (
        RuleParameters(),
        [
            Step(0, "a", "counted", error=100),
            Step(150, "b", "counted"),
            Step(300, "c", "counted"),
            Step(301, "a", "unchanged", error=100, revision=2),
        ],
    ),
    "a clock ahead, and it fires": (
        RuleParameters(),
        [Step(0, "a", "counted", error=4000), Step(1, "b", "counted"), Step(299, "c", "fired", error=9000)],
    ),
    "scope all: versions together": (
        RuleParameters(),
        [Step(0, "a", "counted"), Step(1, "b", "counted", version="2"), Step(2, "c", "fired", model="forest")],
    ),
    "scope model: each version by itself": (
        RuleParameters(scope="model"),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted", version="2"),
            Step(2, "c", "counted", model="forest"),
            Step(3, "d", "counted"),
            Step(4, "e", "fired"),
            Step(5, "f", "counted", version="2"),
            Step(6, "g", "fired", version="2"),
        ],
    ),
    "cool-down: up to 899.999 s after firing": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(0, "b", "counted"),
            Step(0, "c", "fired"),
            Step(898, "d", "counted"),
            Step(899, "e", "counted"),
            Step(899.999, "f", "suppressed"),
        ],
    ),
    "cool-down: over at 900.000 s": (
        RuleParameters(),
        [
            Step(0, "a", "counted"),
            Step(0, "b", "counted"),
            Step(0, "c", "fired"),
            Step(898, "d", "counted"),
            Step(899, "e", "counted"),
            Step(900, "f", "fired"),
        ],
    ),
    "cool-down of 0: every error that meets the rule": (
        RuleParameters(cooldown_ms=0),
        [Step(0, "a", "counted"), Step(1, "b", "counted"), Step(2, "c", "fired"), Step(3, "d", "fired")],
    ),
    "ALERT_ERRORS=1": (RuleParameters(needed=1, cooldown_ms=5000), [Step(0, "a", "fired"), Step(1, "b", "suppressed")]),
    "ALERT_ERRORS=5": (
        RuleParameters(needed=5),
        [*(Step(n, f"p{n}", "counted") for n in range(4)), Step(299.999, "p4", "fired")],
    ),
    "the clock is put back by an hour": (
        RuleParameters(cooldown_ms=60_000),
        [
            Step(0, "a", "counted"),
            Step(1, "b", "counted"),
            Step(2, "c", "fired"),
            Step(-3600, "d", "counted"),
            Step(-3599, "e", "counted"),
            Step(-3598, "f", "suppressed"),
            Step(-3537, "g", "fired"),
        ],
    ),
}
