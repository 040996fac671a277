"""The error rule on a real Redis, with the clock in the test's hands."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from alerting.rule import ErrorRule, Outcome, PastAlert, RuleParameters
from tests.support.alerts import error_state, raised_alerts
from vigie.schemas import ErrorState
from vigie.streams import ALERTS

README = Path(__file__).parents[3] / "services" / "alerting" / "README.md"
NOON = 1_790_000_000_000
SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


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


async def deliver(redis: Redis, rule: RuleParameters, steps: Iterable[Step]) -> list[str]:
    judge = ErrorRule(redis, rule)
    return [(await judge.judge([step.state()], now_ms=step.now_ms))[0].value for step in steps]


@pytest.mark.parametrize("case", TABLE)
async def test_the_table_of_the_readme_holds(redis: Redis, case: str) -> None:
    rule, steps = TABLE[case]
    assert await deliver(redis, rule, steps) == [step.outcome for step in steps]


def test_the_readme_names_exactly_these_cases() -> None:
    section = README.read_text("utf-8").partition("## The rule")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    assert rows[2:] == list(TABLE)


async def test_an_alert_tells_its_errors_in_order_and_what_was_kept_quiet(redis: Redis) -> None:
    rule = RuleParameters(cooldown_ms=10 * SECOND)
    names = [Step(at, f"p{at}", "") for at in (2, 1, 3)]
    later = [Step(4, "q4", ""), Step(5, "q5", ""), Step(5, "q5", "", revision=2, error=4.5), Step(14, "q14", "")]
    await deliver(redis, rule, [*names, *later])
    first, second = await raised_alerts(redis)
    assert [error.state.prediction_id for error in first.errors] == ["p1", "p2", "p3"]
    assert [error.at_ms for error in first.errors] == [NOON + SECOND, NOON + 2 * SECOND, NOON + 3 * SECOND]
    assert first.errors[0].state == names[1].state()
    assert (first.scope, first.rule, first.fired_ms, first.suppressed_before) == ("all", "errors", NOON + 3 * SECOND, 0)
    assert (first.window_ms, first.cooldown_ms) == (300 * SECOND, 10 * SECOND)
    assert second.suppressed_before == 2, "q5 moved, and still is one error"
    assert await deliver(redis, rule, [Step(30, "r", "")]) == ["fired"]
    assert (await raised_alerts(redis))[2].suppressed_before == 0


async def test_the_alert_shows_what_was_said_last(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters())
    await judge.judge([error_state("a", NOON), error_state("b", NOON)], now_ms=NOON)
    again = error_state("a", NOON, revision=2).model_copy(update={"comments": ["second", "first"], "annotators": 2})
    await judge.judge([again, error_state("c", NOON)], now_ms=NOON)
    assert (await raised_alerts(redis))[0].errors[0].state == again


async def test_the_key_follows_from_scope_and_predictions_alone(redis: Redis) -> None:
    keys = set()
    for order in (("a", "b", "c"), ("c", "a", "b")):
        await redis.flushall()
        steps = [Step(index, name, "") for index, name in enumerate(order)]
        await deliver(redis, RuleParameters(), steps)
        keys.add((await raised_alerts(redis))[0].alert_key)
    assert len(keys) == 1
    await deliver(redis, RuleParameters(scope="model"), [Step(index, name, "") for index, name in enumerate("abc")])
    assert (await raised_alerts(redis))[1].alert_key not in keys


async def test_without_a_given_time_redis_clock_counts(redis: Redis) -> None:
    seconds, micros = await redis.time()
    now = seconds * 1000 + micros // 1000
    judge = ErrorRule(redis, RuleParameters())
    outcomes = await judge.judge([error_state("a", now), error_state("b", now - 299_000), error_state("c", now + DAY)])
    assert outcomes == [Outcome.COUNTED, Outcome.COUNTED, Outcome.FIRED]
    assert 0 <= (await raised_alerts(redis))[0].fired_ms - now < 10_000


async def test_memory_is_bounded_by_the_horizon(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters(needed=2, window_ms=1))
    for day in range(3):
        now = NOON + day * (DAY + MINUTE)
        await judge.judge([error_state(f"{day}-{n}", now - n * SECOND) for n in range(50)], now_ms=now)
    found: Any = await redis.keys("*")
    keys = [key.decode() for key in found]
    assert await redis.zcard(next(key for key in keys if key.endswith(":times"))) == 50
    assert await redis.hlen(next(key for key in keys if key.endswith(":payloads"))) == 50
    assert all([0 < await redis.pttl(key) <= DAY + SECOND for key in keys if ":state" not in key])


async def test_a_revision_from_a_clock_ahead_is_remembered_until_its_time_has_passed(redis: Redis) -> None:
    await ErrorRule(redis, RuleParameters()).judge([error_state("a", NOON + MINUTE)], now_ms=NOON)
    (key,) = await redis.keys("*:revision:a")
    assert DAY < await redis.pttl(key) <= DAY + MINUTE


async def test_a_full_redis_refuses_the_whole_judgement_and_the_alert_is_raised_later(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters())
    await judge.judge([error_state("a", NOON), error_state("b", NOON)], now_ms=NOON)
    before = {key: await redis.dump(key) for key in await redis.keys("*")}
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(ResponseError, match="maxmemory"):
            await judge.judge([error_state("c", NOON)], now_ms=NOON)
        assert {key: await redis.dump(key) for key in await redis.keys("*")} == before
    finally:
        await redis.config_set("maxmemory", 0)
    assert await judge.judge([error_state("c", NOON)], now_ms=NOON) == [Outcome.FIRED]
    assert len(await raised_alerts(redis)) == 1


async def test_an_outbox_that_is_no_stream_is_an_error_before_anything_is_written(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters(needed=1))
    await redis.set(ALERTS.name, "oops")
    with pytest.raises(ResponseError, match="expected a stream, got a string"):
        await judge.judge([error_state("a", NOON)], now_ms=NOON)
    await redis.delete(ALERTS.name)
    assert await judge.judge([error_state("a", NOON)], now_ms=NOON) == [Outcome.FIRED]


async def past_alerts(redis: Redis) -> list[PastAlert]:
    return [
        PastAlert(alert.alert_key, alert.scope, alert.fired_ms, alert.errors[-1].at_ms)
        for alert in await raised_alerts(redis)
    ]


@pytest.mark.parametrize("cooldown_s", [0, 5, 900])
@pytest.mark.parametrize("backwards", [False, True])
async def test_after_a_loss_the_same_states_again_raise_nothing(redis: Redis, cooldown_s: int, backwards: bool) -> None:
    rule = RuleParameters(cooldown_ms=cooldown_s * SECOND)
    judge = ErrorRule(redis, rule)
    steps = [Step(at, f"p{at}", "") for at in (0, 100, 200, 250, 260, 290, 400, 1500, 1510, 1520, 1800)]
    await deliver(redis, rule, steps)
    known = await past_alerts(redis)
    assert len(known) > 1
    await redis.flushall()
    later = NOON + 2 * 60 * MINUTE
    assert await judge.restore(known, now_ms=later) == ["all"]
    states = [step.state() for step in (reversed(steps) if backwards else steps)]
    await judge.judge(states, now_ms=later)
    assert await raised_alerts(redis) == []
    fresh = [error_state(name, later + SECOND) for name in "xyz"]
    assert (await judge.judge(fresh, now_ms=later + SECOND))[2] == Outcome.FIRED


async def test_after_a_loss_the_cool_down_goes_on_and_its_count_is_found_again(redis: Redis) -> None:
    rule = RuleParameters()
    judge = ErrorRule(redis, rule)
    steps = [Step(at, f"p{at}", "") for at in (0, 1, 2, 10, 20)]
    await deliver(redis, rule, steps)
    known = await past_alerts(redis)
    await redis.flushall()
    assert await judge.restore(known, now_ms=NOON + 30 * SECOND) == ["all"]
    outcomes = await judge.judge([step.state() for step in steps], now_ms=NOON + 30 * SECOND)
    assert outcomes.count(Outcome.SUPPRESSED) == 2, "p10 and p20, as before the loss"
    assert await deliver(redis, rule, [Step(890, "x", ""), Step(891, "y", ""), Step(903, "z", "")]) == [
        "counted",
        "counted",
        "fired",
    ]


async def test_restoring_changes_nothing_where_nothing_was_lost(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters())
    await judge.judge([error_state(name, NOON) for name in "abc"], now_ms=NOON)
    before = {key: await redis.dump(key) for key in await redis.keys("*")}
    assert await judge.restore(await past_alerts(redis), now_ms=NOON + SECOND) == []
    assert {key: await redis.dump(key) for key in await redis.keys("*")} == before


async def test_errors_that_were_lost_with_redis_before_their_alert_was_kept_fire_again_with_the_same_key(
    redis: Redis,
) -> None:
    judge = ErrorRule(redis, RuleParameters())
    states = [error_state(name, NOON) for name in "abc"]
    await judge.judge(states, now_ms=NOON)
    (lost,) = await raised_alerts(redis)
    await redis.flushall()
    await judge.judge(states, now_ms=NOON + MINUTE)
    assert [alert.alert_key for alert in await raised_alerts(redis)] == [lost.alert_key]


async def test_the_newest_error_of_a_scope_is_known(redis: Redis) -> None:
    judge = ErrorRule(redis, RuleParameters())
    assert await judge.newest_error_ms("all") is None
    await judge.judge([error_state("a", NOON), error_state("b", NOON - SECOND)], now_ms=NOON)
    assert await judge.newest_error_ms("all") == NOON
