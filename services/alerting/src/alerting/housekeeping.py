"""What is done every few seconds: figures, alerts that are over, streams that are read."""

import asyncio
import logging
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from alerting.deliveries import DeliveryQueue
from alerting.metrics import DELIVERIES, LAG
from alerting.radar.memory import RadarMemory
from alerting.rule import ErrorRule, PastAlert
from alerting.store import SURGE, AlertStore, MessageId
from vigie.alerts import CANARY
from vigie.durations import DAY_MS
from vigie.streams import ALERTS, ERASURES, FEEDBACK, trim_consumed

GROUP = "alerting"
STREAMS = (FEEDBACK.name, ALERTS.name, ERASURES.name)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between rounds; after how long a quiet time an alert is over; how long alerts are kept; whether the radar
    reads.
    """

    every_seconds: float
    quiet_ms: int
    kept_ms: int
    radar_reads: bool = True


class Housekeeping:
    """Runs until cancelled; a server that does not answer is for the next round."""

    def __init__(
        self,
        redis: Redis,
        rule: ErrorRule,
        store: AlertStore,
        queue: DeliveryQueue,
        *,
        radar: RadarMemory,
        message_id: MessageId,
        pace: Pace,
    ) -> None:
        self._redis = redis
        self._rule = rule
        self._radar = radar
        self._message_id = message_id
        self._store = store
        self._queue = queue
        self._pace = pace
        self._forgot_ms = 0

    async def run(self) -> None:
        """Round after round."""
        while True:
            try:
                await self.round()
            except (RedisError, OSError) as error:
                _LOG.warning("housekeeping waits", extra={"error": str(error)})
            await asyncio.sleep(self._pace.every_seconds)

    async def round(self) -> None:
        """Everything once."""
        for state, count in (await self._queue.counts()).items():
            DELIVERIES.labels(state.value).set(count)
        for stream in STREAMS:
            LAG.labels(stream).set(await self._waiting(stream))
            await trim_consumed(self._redis, stream)
        if not self._pace.radar_reads:
            await self._radar.leave_stream()
        await self._resolve()
        now = self._store.now_ms()
        if now - self._forgot_ms >= DAY_MS:
            await self._store.forget_before(now - self._pace.kept_ms)
            self._forgot_ms = now

    async def _waiting(self, stream: str) -> int:
        """Entries not delivered yet, and delivered ones without an acknowledgement."""
        try:
            groups = await self._redis.xinfo_groups(stream)
        except ResponseError:  # no such stream yet
            return 0
        own = (group for group in groups if group["name"] in (GROUP, GROUP.encode()))
        return sum((group["lag"] or 0) + group["pending"] for group in own)

    async def _resolve(self) -> None:
        """Alerts of a scope are over, all at once, after a quiet time without an error, or anything unusual, in it."""
        now = self._store.now_ms()
        episodes: dict[tuple[str, str], list[PastAlert]] = {}
        for alert in await self._store.firing():
            episodes.setdefault((alert.scope, alert.rule), []).append(alert)
        for episode in episodes.values():
            newest = [max(await self._newest(alert), alert.newest_ms, alert.fired_ms) for alert in episode]
            if now - max(newest) >= self._pace.quiet_ms:
                await self._store.resolve(episode, self._message_id)
        await self._store.tell_late_ends(self._message_id)

    async def _newest(self, alert: PastAlert) -> int:
        """When something last happened in its scope that it speaks of."""
        if alert.rule == CANARY:
            return alert.newest_ms
        memory = self._radar.last_high_ms if alert.rule == SURGE else self._rule.newest_error_ms
        return await memory(alert.scope) or 0
