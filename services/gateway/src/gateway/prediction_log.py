"""The prediction log: from memory to the Redis stream, without ever holding up an answer.

`append` only puts an event into a bounded buffer. One task writes what has gathered, many events to an entry;
with Redis away it waits with growing pauses, and the oldest events are dropped (and counted) once the buffer is full.
"""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Any

from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from vigie.schemas import PredictionEvent
from vigie.streams import PREDICTIONS

ENTRY_EVENTS = 500
GATHER_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 5.0

LOGGED = Counter("vigie_prediction_log_events_total", "Predictions that left the buffer.", ["result"])
WAITING = Gauge("vigie_prediction_log_waiting", "Predictions that Redis has not taken yet.")
REDIS_UP = Gauge("vigie_prediction_log_redis_up", "1 while predictions reach the Redis stream.")

_LOG = logging.getLogger(__name__)


class PredictionLog:
    """A bounded buffer and the task that empties it into the stream."""

    def __init__(self, redis: Redis, *, buffer: int, stream_entries: int) -> None:
        self._redis = redis
        self._buffer: deque[PredictionEvent] = deque()
        self._limit = buffer
        self._stream_entries = stream_entries
        self._something = asyncio.Event()
        self.error: str | None = None
        self._on_the_way = 0
        WAITING.set_function(lambda: len(self._buffer) + self._on_the_way)

    def append(self, events: list[PredictionEvent]) -> None:
        """Takes events over; never waits."""
        self._buffer.extend(events)
        overflow = len(self._buffer) - self._limit
        for _ in range(overflow):
            self._buffer.popleft()
        if overflow > 0:
            LOGGED.labels("dropped").inc(overflow)
        self._something.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        pause = 0.1
        while True:
            await self._something.wait()
            await asyncio.sleep(GATHER_SECONDS)
            if await self._flush():
                pause = 0.1
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Writes what is left, for at most `seconds`; used when the gateway stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._buffer and await self._flush():
                    pass
        if self._buffer:
            _LOG.error("predictions lost from the log", extra={"count": len(self._buffer), "error": self.error})
            LOGGED.labels("dropped").inc(len(self._buffer))

    async def _flush(self) -> bool:
        """Writes everything gathered; false when Redis did not take it (what was not written is kept)."""
        self._something.clear()
        while self._buffer:
            events = [self._buffer.popleft() for _ in range(min(ENTRY_EVENTS, len(self._buffer)))]
            fields: dict[Any, Any] = dict(PREDICTIONS.encode(events))
            self._on_the_way = len(events)
            try:
                await self._redis.xadd(PREDICTIONS.name, fields, maxlen=self._stream_entries, approximate=True)
            except (RedisError, OSError) as error:
                self._put_back(events)
                self._note(f"{type(error).__name__}: {error}")
                return False
            except BaseException:
                self._put_back(events)
                raise
            finally:
                self._on_the_way = 0
            LOGGED.labels("written").inc(len(events))
            self._note(None)
        return True

    def _put_back(self, events: list[PredictionEvent]) -> None:
        self._buffer.extendleft(reversed(events))
        self.append([])

    def _note(self, error: str | None) -> None:
        if error and not self.error:
            _LOG.warning("the prediction log waits for Redis", extra={"error": error})
        if self.error and not error:
            _LOG.info("the prediction log reaches Redis again")
        self.error = error
        REDIS_UP.set(0 if error else 1)
