"""The error rule: N different predictions reported wrong, newest - oldest < window, then quiet for the cool-down.

The decision itself is `rule.lua`, run by Redis: state, decision and the alert that tells of it commit together.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha1
from importlib.resources import files
from typing import Literal

from redis.asyncio import Redis

from vigie.durations import DAY_MS
from vigie.schemas import ErrorState
from vigie.streams import ALERTS


class Outcome(StrEnum):
    """What one state did."""

    DUPLICATE = "duplicate"
    TOO_OLD = "too_old"
    NO_ERROR = "no_error"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"
    COUNTED = "counted"
    TOLD = "told"
    SUPPRESSED = "suppressed"
    FIRED = "fired"


@dataclass(frozen=True, slots=True)
class RuleParameters:
    """`needed` errors within less than `window_ms`; times in whole milliseconds. The horizon bounds what is kept."""

    needed: int = 3
    window_ms: int = 300_000
    cooldown_ms: int = 900_000
    scope: Literal["all", "model"] = "all"

    @property
    def horizon_ms(self) -> int:
        """How late an error may come and still count."""
        return max(DAY_MS, 2 * self.window_ms)

    def scope_of(self, state: ErrorState) -> str:
        """The scope whose errors are looked at together: `all`, or `<family>:<version>`."""
        return "all" if self.scope == "all" else f"{state.model}:{state.version}"


@dataclass(frozen=True, slots=True)
class PastAlert:
    """What the store remembers of an alert, enough to judge as if Redis had not lost it."""

    alert_key: str
    scope: str
    fired_ms: int
    newest_ms: int
    rule: str = "errors"


class ErrorRule:
    """Judges error states, in the order given. `now_ms` replaces Redis' clock in tests."""

    def __init__(self, redis: Redis, parameters: RuleParameters) -> None:
        self._redis = redis
        self.parameters = parameters
        self._rule = files("alerting").joinpath("rule.lua").read_text("utf-8")
        self._rule_sha = sha1(self._rule.encode(), usedforsecurity=False).hexdigest()
        self._restore = files("alerting").joinpath("restore.lua").read_text("utf-8")

    async def judge(self, states: Sequence[ErrorState], *, now_ms: int | None = None) -> list[Outcome]:
        """One outcome per state; raises `RedisError`, after which the same states may be given again."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(self._rule)
            for state in states:
                keys = self._keys(self.parameters.scope_of(state), state.prediction_id)
                pipe.evalsha(self._rule_sha, len(keys), *keys, *self._arguments(state, now_ms))
            answers = await pipe.execute()
        return [Outcome(answer.decode()) for answer in answers[1:]]

    async def restore(self, alerts: Iterable[PastAlert], *, now_ms: int | None = None) -> list[str]:
        """Makes Redis know the alerts of the last day again where it has lost them; the scopes that were restored."""
        by_scope: dict[str, list[PastAlert]] = {}
        for alert in alerts:
            by_scope.setdefault(alert.scope, []).append(alert)
        return [scope for scope, known in by_scope.items() if await self._restore_scope(scope, known, now_ms)]

    async def newest_error_ms(self, scope: str) -> int | None:
        """The time of the newest error that the scope knows of."""
        newest = await self._redis.zrange(self._keys(scope, "")[0], -1, -1, withscores=True)
        return int(newest[0][1]) if newest else None

    async def errors_since(self, scope: str, since_ms: int) -> int:
        """How many errors of the scope are known since then, a day back at most."""
        return int(await self._redis.zcount(self._keys(scope, "")[0], since_ms, "+inf"))

    async def _restore_scope(self, scope: str, alerts: list[PastAlert], now_ms: int | None) -> bool:
        _, _, state, _, episodes, _, outbox = self._keys(scope, "")
        fired_ms = max(alert.fired_ms for alert in alerts)
        spans = json.dumps([self._span(alert) for alert in alerts])
        known: list[str | int] = []
        for alert in alerts:
            known += [alert.alert_key, alert.newest_ms]
        now = "" if now_ms is None else now_ms
        answer = await self._redis.eval(self._restore, 3, state, episodes, outbox, fired_ms, spans, now, *known)
        return bool(answer)

    def _span(self, alert: PastAlert) -> tuple[int, int]:
        """Errors between these times were part of the alert or kept quiet by it."""
        reach = max(self.parameters.window_ms, self.parameters.cooldown_ms)
        return alert.newest_ms - reach, max(alert.fired_ms, alert.newest_ms) + self.parameters.cooldown_ms

    def _arguments(self, state: ErrorState, now_ms: int | None) -> list[str | int]:
        rule = self.parameters
        return [
            state.prediction_id,
            state.revision,
            "" if state.error_ms is None else state.error_ms,
            state.model_dump_json(),
            rule.scope_of(state),
            rule.window_ms,
            rule.cooldown_ms,
            rule.needed,
            rule.horizon_ms,
            "" if now_ms is None else now_ms,
        ]

    def _keys(self, scope: str, prediction_id: str) -> list[str]:
        """In the order of rule.lua. `{alerts}` puts them where Redis Cluster keeps the stream `alerts`."""
        start = f"error-rule:{{{ALERTS.name}}}:{scope}"
        kinds = ("times", "payloads", "state", "suppressed", "episodes")
        return [*(f"{start}:{kind}" for kind in kinds), f"{start}:revision:{prediction_id}", ALERTS.name]
