"""The error rule on a real Redis, with the clock in the test's hands."""

from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from alerting.intake import Intake
from alerting.rule import ErrorRule, Outcome, PastAlert, RuleParameters
from alerting.store import AlertStore, Recipient
from tests.support.alerts import error_state, raised_alerts
from tests.unit.alerting.truth_table import NOON, SECOND, TABLE, Step
from vigie.store import Store
from vigie.streams import ALERTS

README = Path(__file__).parents[3] / "services" / "alerting" / "README.md"
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


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
    later = [Step(4, "q4", ""), Step(5, "q5", ""), Step(5, "q5", "", revision=2, error=4.5), Step(6, "q6", "")]
    later += [Step(7, "q7", ""), Step(14, "q14", "")]
    await deliver(redis, rule, [*names, *later])
    first, second = await raised_alerts(redis)
    assert [error.state.prediction_id for error in first.errors] == ["p1", "p2", "p3"]
    assert [error.at_ms for error in first.errors] == [NOON + SECOND, NOON + 2 * SECOND, NOON + 3 * SECOND]
    assert first.errors[0].state == names[1].state()
    assert (first.scope, first.rule, first.fired_ms, first.suppressed_before) == ("all", "errors", NOON + 3 * SECOND, 0)
    assert (first.window_ms, first.cooldown_ms) == (300 * SECOND, 10 * SECOND)
    assert [error.state.prediction_id for error in second.errors] == ["q6", "q7", "q14"]
    assert second.suppressed_before == 2, "q5 moved, and still is one error; q6 and q7 are told here"
    assert await deliver(redis, rule, [Step(30, "r", "")]) == ["fired"]
    assert (await raised_alerts(redis))[2].suppressed_before == 0


async def test_what_was_withdrawn_is_not_told_as_kept_quiet(redis: Redis) -> None:
    rule = RuleParameters(cooldown_ms=10 * SECOND)
    first = [Step(at, f"p{at}", "") for at in (1, 2, 3)]
    quiet = [Step(at, f"q{at}", "") for at in (4, 5, 6, 7)]
    await deliver(redis, rule, [*first, *quiet, Step(8, "q5", "", revision=2, error=None), Step(14, "q14", "")])
    assert [alert.suppressed_before for alert in await raised_alerts(redis)] == [0, 1]


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


async def test_a_cool_down_of_days_outlives_the_loss_of_redis(redis: Redis, tmp_path: Path) -> None:
    now = int(time() * 1000)
    sql = Store(f"sqlite:///{tmp_path}/alerting.db")
    store = AlertStore(sql, now_ms=lambda: now)
    await store.prepare()
    rule = ErrorRule(redis, RuleParameters(cooldown_ms=2 * DAY))
    before = [error_state(name, now - DAY - 60 * MINUTE) for name in "abc"]
    await rule.judge(before, now_ms=now - DAY - 60 * MINUTE)
    (alert,) = await raised_alerts(redis)
    await store.keep(alert, [Recipient("ops@x.org", "<a mail>")])
    await redis.flushall()
    await Intake(rule, store).restore()
    outcomes = await rule.judge([error_state(name, now + MINUTE) for name in "def"], now_ms=now + MINUTE)
    assert outcomes[-1] is Outcome.SUPPRESSED
    await sql.close()
