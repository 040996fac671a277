"""What the radar keeps in Redis: counts, episodes and how far it has read, written together or not at all.

One worker holds the radar under a lease; another takes it over, with all it knew but the texts, when the lease ends.
An entry of the stream is so counted exactly once, whatever dies when. About 100 KB per scope at most.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError

from alerting.radar.counts import MinuteCounts
from alerting.radar.radar import Radar
from vigie.alerts import RaisedAlert
from vigie.durations import MINUTE_MS
from vigie.streams import ALERTS, PREDICTIONS

GROUP = "radar"
LEASE_MS = 15_000
START = b"0-0"
_ANSWERED_SECONDS = 26 * 3_600
_KEY = f"radar:{{{ALERTS.name}}}"
_HOLDER, _POSITION, _SCOPES = f"{_KEY}:holder", f"{_KEY}:position", f"{_KEY}:scopes"


class NotHeld(ConnectionError):
    """Another worker holds the radar."""


@dataclass(slots=True)
class Step:
    """What one reading of the stream changed; `answered` counts predictions by hour (Unix time) and version."""

    position: bytes
    answered: Counter[tuple[int, str]] = field(default_factory=Counter)
    touched: dict[str, set[int]] = field(default_factory=dict)
    alerts: list[RaisedAlert] = field(default_factory=list)


class RadarMemory:
    """The radar's part of Redis, as the worker called `token` sees it."""

    def __init__(self, redis: Redis, token: str) -> None:
        self._redis = redis
        self._token = token.encode()
        self._hours: dict[str, set[int]] = {}

    async def hold(self) -> bool:
        """Takes the lease, or makes it longer; false while it is another worker's."""
        if await self._redis.set(_HOLDER, self._token, nx=True, px=LEASE_MS):
            return True
        if await self._redis.get(_HOLDER) != self._token:
            return False
        await self._redis.pexpire(_HOLDER, LEASE_MS)
        return True

    async def release(self) -> None:
        """Gives the lease back."""
        if await self._redis.get(_HOLDER) == self._token:
            await self._redis.delete(_HOLDER)

    async def load(self, radar: Radar) -> bytes | None:
        """Gives an empty radar what was kept; how far the stream was read, null when nothing is known."""
        position: Any = await self._redis.get(_POSITION)
        kept: Any = await self._redis.hgetall(_SCOPES)
        for name, state in sorted(kept.items(), key=lambda each: json.loads(each[1])["newest"]):
            await self._load_scope(radar, name.decode(), json.loads(state))
        return None if position is None else bytes(position)

    async def save(self, radar: Radar, step: Step) -> None:
        """Commits one step; raises `NotHeld` when the lease was lost, and nothing is written then."""
        pipe: Any
        async with self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(_HOLDER)
            if await pipe.get(_HOLDER) != self._token:
                raise NotHeld("another worker holds the radar")
            known: Any = await pipe.hkeys(_SCOPES)
            pipe.multi()
            for scope, hours in step.touched.items():
                if scope in radar.watches:
                    self._put(pipe, radar, scope, hours)
            self._forget(pipe, [name.decode() for name in known if name.decode() not in radar.watches])
            for (hour, version), count in step.answered.items():
                pipe.hincrby(_answered(hour), version, count)
                pipe.expire(_answered(hour), _ANSWERED_SECONDS)
            for alert in step.alerts:
                fields: dict[Any, Any] = dict(ALERTS.encode([alert]))
                pipe.xadd(ALERTS.name, fields)
            pipe.set(_POSITION, step.position)
            try:
                await pipe.execute()
            except WatchError as error:
                raise NotHeld("another worker took the radar over") from error
        await self._let_go(step)

    async def leave_stream(self) -> None:
        """The radar is switched off: what it has not read need not be kept for it any longer."""
        try:
            await self._redis.xgroup_destroy(PREDICTIONS.name, GROUP)
        except ResponseError as error:
            if "requires the key" not in str(error):
                raise

    async def last_high_ms(self, scope: str) -> int | None:
        """When the scope was unusual last; null when that is not known."""
        state = await self._redis.hget(_SCOPES, scope)
        high = json.loads(state)["last_high"] if state else None
        return None if high is None else (int(high) + 1) * MINUTE_MS

    async def answered(self, first: int, last: int) -> Counter[str]:
        """How many predictions each version (`<family>:<version>`) made in the hours `first` to `last` (Unix time).

        Of a day at most; none where no radar reads.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for hour in range(first, last + 1):
                pipe.hgetall(_answered(hour))
            hours = await pipe.execute()
        found: Counter[str] = Counter()
        for counts in hours:
            found.update({version.decode(): int(count) for version, count in counts.items()})
        return found

    async def _let_go(self, step: Step) -> None:
        """Tells the stream what was read, so that it may be trimmed."""
        try:
            await self._redis.xgroup_setid(PREDICTIONS.name, GROUP, step.position)
        except ResponseError as error:
            if "NOGROUP" not in str(error) and "requires the key" not in str(error):
                raise
            await self._redis.xgroup_create(PREDICTIONS.name, GROUP, step.position, mkstream=True)

    async def _load_scope(self, radar: Radar, scope: str, state: Mapping[str, Any]) -> None:
        watch = radar.watch(scope, state["started"])
        hours: Any = await self._redis.hgetall(f"{_KEY}:counts:{scope}")
        for hour in sorted(hours, key=int):
            watch.counts.load_hour(int(hour), hours[hour], state["newest"])
        self._hours[scope] = set(map(int, hours))
        watch.last_high = state["last_high"]
        radar.now_ms = max(radar.now_ms, state["newest"] * MINUTE_MS)

    def _put(self, pipe: Any, radar: Radar, scope: str, hours: set[int]) -> None:
        watch = radar.watches[scope]
        counts = f"{_KEY}:counts:{scope}"
        pipe.hset(counts, mapping={str(hour): watch.counts.hour(hour) for hour in hours})
        oldest = watch.counts.newest // 60 - MinuteCounts.KEPT_HOURS
        kept = self._hours.setdefault(scope, set()) | hours
        self._hours[scope] = {hour for hour in kept if hour > oldest}
        if gone := kept - self._hours[scope]:
            pipe.hdel(counts, *map(str, gone))
        state = {
            "started": watch.counts.started,
            "newest": watch.counts.newest,
            "last_high": watch.last_high,
        }
        pipe.hset(_SCOPES, scope, json.dumps(state))

    def _forget(self, pipe: Any, scopes: Sequence[str]) -> None:
        for scope in scopes:
            self._hours.pop(scope, None)
            pipe.hdel(_SCOPES, scope)
            pipe.delete(f"{_KEY}:counts:{scope}")


def _answered(hour: int) -> str:
    return f"{_KEY}:answered:{hour}"
