"""The rule on a real Redis against an oracle that looks at everything, for random deliveries."""

import asyncio
from dataclasses import dataclass, field
from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from alerting.rule import ErrorRule, RuleParameters
from tests.support.alerts import error_state, raised_alerts
from vigie.schemas import ErrorState

NOON = 1_790_000_000_000
HORIZON = 24 * 3600 * 1000


@dataclass(frozen=True)
class Delivery:
    """One state as it arrives at `now_ms`."""

    state: ErrorState
    now_ms: int


@dataclass
class Oracle:
    """The rule in the words of the contract: all states in a dictionary, every combination tried."""

    rule: RuleParameters
    seen: dict[str, ErrorState] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    raised: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)
    quiet: set[str] = field(default_factory=set)
    told: list[tuple[frozenset[str], int]] = field(default_factory=list)

    def deliver(self, delivery: Delivery) -> None:
        state, now = delivery.state, delivery.now_ms
        name, before = state.prediction_id, self.seen.get(state.prediction_id)
        if before and state.revision <= before.revision:
            return
        self.seen[name] = state
        if state.error_ms is None:
            self.quiet.discard(name)
        if state.error_ms is None or state.error_ms < now - HORIZON:
            self.times.pop(name, None)
            return
        if name in self.times and before and before.error_ms == state.error_ms:
            return
        self.times[name] = min(state.error_ms, now)
        self._look(name, now)

    def _look(self, name: str, now: int) -> None:
        runs = self._runs(name)
        assert bool(runs) == self._any_combination(name)
        fresh = [run for run in runs if run not in {told for _, _, told in self.raised}]
        if not fresh:
            return
        cooldown, at = self.rule.cooldown_ms, self.times[name]
        if any(now - fired < cooldown or abs(at - newest) < cooldown for fired, newest, _ in self.raised):
            self.quiet.add(name)
            return
        newest = max(self.times[each] for each in fresh[0])
        self.raised.append((now, newest, fresh[0]))
        self.told.append((fresh[0], len(self.quiet - fresh[0])))
        self.quiet.clear()

    def _runs(self, name: str) -> list[frozenset[str]]:
        order = sorted(self.times, key=lambda each: (self.times[each], each.encode()))
        runs = [order[start : start + self.rule.needed] for start in range(len(order) - self.rule.needed + 1)]
        return [frozenset(run) for run in runs if name in run and self._close(run)]

    def _any_combination(self, name: str) -> bool:
        others = [each for each in self.times if each != name]
        return any(self._close([name, *some]) for some in combinations(others, self.rule.needed - 1))

    def _close(self, names: list[str]) -> bool:
        times = [self.times[each] for each in names]
        return max(times) - min(times) < self.rule.window_ms


@st.composite
def histories(draw: st.DrawFn) -> list[Delivery]:
    """Votes on a few predictions; the clock only goes forward, deliveries are late, repeated and out of order."""
    unit = 1_000
    names = draw(st.integers(3, 7))
    now, revisions = NOON, dict.fromkeys(range(names), 0)
    waiting: list[ErrorState] = []
    deliveries: list[Delivery] = []
    for _ in range(draw(st.integers(3, 25))):
        now += draw(st.sampled_from([0, 1, unit, 3 * unit, 5 * unit, 10 * unit, 30 * unit]))
        who = draw(st.integers(0, names - 1))
        revisions[who] += 1
        offset = draw(st.one_of(st.none(), st.integers(-12, 4)))
        error_ms = None if offset is None else now + offset * unit
        waiting.append(error_state(f"p{who}", error_ms, revision=revisions[who]))
        for _ in range(draw(st.integers(0, len(waiting)))):
            state = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
            deliveries += [Delivery(state, now)] * draw(st.sampled_from([1, 1, 1, 2]))
            if draw(st.integers(0, 9)) == 0:
                waiting.append(state)
    return [*deliveries, *(Delivery(state, now) for state in waiting)]


rules = st.builds(
    RuleParameters,
    needed=st.integers(1, 4),
    window_ms=st.sampled_from([1, 5_000, 10_000]),
    cooldown_ms=st.sampled_from([0, 1, 4_000, 30_000]),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=rules, deliveries=histories())
def test_the_rule_raises_exactly_what_brute_force_raises(
    redis_url: str, rule: RuleParameters, deliveries: list[Delivery]
) -> None:
    oracle = Oracle(rule)
    for delivery in deliveries:
        oracle.deliver(delivery)
    assert asyncio.run(raised_by_the_script(redis_url, rule, deliveries)) == oracle.told


async def raised_by_the_script(
    url: str, rule: RuleParameters, deliveries: list[Delivery]
) -> list[tuple[frozenset[str], int]]:
    """(predictions, suppressed before) of every alert."""
    Redis.from_url(url).flushall()
    async with AsyncRedis.from_url(url, protocol=2) as redis:
        judge = ErrorRule(redis, rule)
        for delivery in deliveries:
            await judge.judge([delivery.state], now_ms=delivery.now_ms)
        return [
            (frozenset(error.state.prediction_id for error in alert.errors), alert.suppressed_before)
            for alert in await raised_alerts(redis)
        ]
