"""The logs of predictions and of versions on trial: from memory to Redis streams, without ever holding up an answer.

`append` only puts an event into a bounded buffer. One task writes what has gathered, many events to an entry;
with Redis away it waits with growing pauses, and the oldest events are dropped (and counted) once the buffer is full.
So are those on the stream, once it is as long as it may be.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Generic

from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.stream_tail import StreamTail, Written, place_of
from vigie.schemas import PredictionEvent
from vigie.streams import PREDICTIONS, TRIALS, EventType, Stream
from vigie.trials import TrialEvent

ENTRY_EVENTS = 500
GATHER_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 5.0
LOOK_SECONDS = 5.0
READER = "feedback"
# Together less than half of the 192 MB that Redis has: after a restart a stream may hold as much again from before it.
PREDICTIONS_BYTES, TRIALS_BYTES = 64 * 2**20, 16 * 2**20

LOGGED = Counter(
    "vigie_prediction_log_events_total", "Predictions that left the buffer, or the stream unread.", ["result"]
)
WAITING = Gauge("vigie_prediction_log_waiting", "Predictions that Redis has not taken yet.")
REDIS_UP = Gauge("vigie_prediction_log_redis_up", "1 while predictions reach the Redis stream.")
TRIALS_LOGGED = Counter(
    "vigie_trial_log_events_total", "Answers of versions on trial that left the buffer.", ["result"]
)

_LOG = logging.getLogger(__name__)


class EventLog(Generic[EventType]):
    """A bounded buffer and the task that empties it into a stream. `left` counts what leaves the buffer, by result.

    What leaves the stream before the feedback service has read it counts as dropped too.
    """

    def __init__(
        self, redis: Redis, stream: Stream[EventType], *, left: Counter, buffer: int, tail: StreamTail
    ) -> None:
        self._redis = redis
        self._stream = stream
        self._left = left
        self._buffer: deque[EventType | Mapping[str, Any]] = deque()
        self._limit = buffer
        self._tail = tail
        self._next_look = 0.0
        self._something = asyncio.Event()
        self.error: str | None = None
        self._on_the_way = 0
        for result in ("written", "dropped"):
            left.labels(result)  # 0 is there before the first event, or that would be no increase

    @property
    def waiting(self) -> int:
        """How many events Redis has not taken yet."""
        return len(self._buffer) + self._on_the_way

    def append(self, events: Sequence[EventType | Mapping[str, Any]]) -> None:
        """Takes events over; never waits."""
        self._buffer.extend(events)
        overflow = len(self._buffer) - self._limit
        for _ in range(overflow):
            self._buffer.popleft()
        if overflow > 0:
            self._left.labels("dropped").inc(overflow)
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
            lost = {"stream": self._stream.name, "count": len(self._buffer), "error": self.error}
            _LOG.error("events lost from the log", extra=lost)
            self._left.labels("dropped").inc(len(self._buffer))

    async def _flush(self) -> bool:
        """Writes everything gathered; false when Redis did not take it (what was not written is kept)."""
        self._something.clear()
        while self._buffer:
            events = [self._buffer.popleft() for _ in range(min(ENTRY_EVENTS, len(self._buffer)))]
            self._on_the_way = len(events)
            try:
                await self._write(events)
            except (RedisError, OSError) as error:
                self._put_back(events)
                self._note(f"{type(error).__name__}: {error}")
                return False
            except BaseException:
                self._put_back(events)
                raise
            finally:
                self._on_the_way = 0
            self._left.labels("written").inc(len(events))
            self._note(None)
        return True

    async def _write(self, events: Sequence[EventType | Mapping[str, Any]]) -> None:
        """As one entry, in whose place the oldest ones go when the stream is full."""
        if monotonic() >= self._next_look:
            await self._look()
            self._next_look = monotonic() + LOOK_SECONDS
        encoded = self._stream.encode(events)
        fields: dict[Any, Any] = dict(encoded)
        size = sum(map(len, encoded.values()))
        self._left.labels("dropped").inc(self._tail.make_room(size))
        entry_id: Any = await self._redis.xadd(self._stream.name, fields, maxlen=self._tail.longest, approximate=True)
        self._tail.add(Written(place_of(entry_id), size, len(events)))

    async def _look(self) -> None:
        """Sees what is gone and what was read; in this order, since what was read may go at any time."""
        first: Any = await self._redis.xrange(self._stream.name, count=1)
        if not first:
            return
        groups: Any = await self._redis.xinfo_groups(self._stream.name)
        read = [place_of(group["last-delivered-id"]) for group in groups if group["name"] == READER.encode()]
        self._left.labels("dropped").inc(self._tail.settle(place_of(first[0][0]), max(read, default=0)))

    def _put_back(self, events: Sequence[EventType | Mapping[str, Any]]) -> None:
        self._buffer.extendleft(reversed(events))
        self.append([])

    def _note(self, error: str | None) -> None:
        if error and not self.error:
            _LOG.warning("the log waits for Redis", extra={"stream": self._stream.name, "error": error})
        if self.error and not error:
            _LOG.info("the log reaches Redis again", extra={"stream": self._stream.name})
        self.error = error


class PredictionLog(EventLog[PredictionEvent]):
    """Every prediction that was answered."""

    def __init__(self, redis: Redis, *, buffer: int, stream_entries: int) -> None:
        tail = StreamTail(entries=stream_entries, size=PREDICTIONS_BYTES)
        super().__init__(redis, PREDICTIONS, left=LOGGED, buffer=buffer, tail=tail)
        WAITING.set_function(lambda: self.waiting)
        REDIS_UP.set_function(lambda: 0 if self.error else 1)


class TrialLog(EventLog[TrialEvent]):
    """What versions on trial said beside the answers."""

    def __init__(self, redis: Redis, *, buffer: int, stream_entries: int) -> None:
        tail = StreamTail(entries=stream_entries, size=TRIALS_BYTES)
        super().__init__(redis, TRIALS, left=TRIALS_LOGGED, buffer=buffer, tail=tail)
