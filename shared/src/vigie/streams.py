"""Redis streams: their names, how events are written on them, and a consumer that loses nothing.

Delivery is at least once: an entry is acknowledged after its handler returned. What a dead consumer left is
taken over after `CLAIM_IDLE_MS`; an entry that failed `MAX_DELIVERIES` times goes to the stream's dead letters.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from vigie.alerts import RaisedAlert
from vigie.errors import Unavailable
from vigie.schemas import Erasure, ErrorState, PredictionEvent
from vigie.trials import TrialEvent

CLAIM_EVERY_SECONDS = 15.0
CLAIM_IDLE_MS = 60_000
MAX_DELIVERIES = 5
BLOCK_MS = 1_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0

_LOG = logging.getLogger(__name__)

EventType = TypeVar("EventType")


@dataclass(frozen=True)
class Stream(Generic[EventType]):
    """A stream whose entries each carry a JSON list of events in the field `events`."""

    name: str
    codec: TypeAdapter[list[EventType]]

    @property
    def dead(self) -> str:
        """Where entries go that no consumer could handle: the same field, and `reason`, `entry`, `group`."""
        return f"{self.name}:dead"

    def encode(self, events: Sequence[EventType | Mapping[str, Any]]) -> dict[str, bytes]:
        """The fields of one entry; an event may also come as a mapping of its fields."""
        return {"events": to_json(events)}

    def decode(self, fields: dict[bytes, bytes]) -> list[EventType]:
        """The events of one entry; raises `ValueError` when it holds anything else."""
        try:
            return self.codec.validate_json(fields[b"events"])
        except (KeyError, ValidationError) as error:
            raise ValueError(f"not an entry of {self.name!r}: {error}") from error


PREDICTIONS = Stream("predictions", TypeAdapter(list[PredictionEvent]))
TRIALS = Stream("predictions:trials", TypeAdapter(list[TrialEvent]))
FEEDBACK = Stream("feedback", TypeAdapter(list[ErrorState]))
ALERTS = Stream("alerts", TypeAdapter(list[RaisedAlert]))
ERASURES = Stream("erasures", TypeAdapter(list[Erasure]))

Entry = tuple[bytes, dict[bytes, bytes]]
Handler = Callable[[list[EventType]], Awaitable[None]]
Connected = Callable[[], Awaitable[None]]


class Consumer(Generic[EventType]):
    """Reads a stream as one member of a consumer group, until cancelled; outlives a Redis that goes away.

    `handle` gets the events of one or more entries and must be safe to call twice with the same ones. While it raises
    `Unavailable` it is asked again: entries wait, and none is set aside.
    After each reading, what comes within `gather_seconds` is left for the next one: many cost little more than one.
    `on_connected` runs after each (re)connection and loss of the group, before anybody can read from a new group.
    """

    def __init__(
        self,
        redis: Redis,
        stream: Stream[EventType],
        *,
        group: str,
        name: str,
        handle: Handler[EventType],
        on_connected: Connected | None = None,
        batch: int = 64,
        gather_seconds: float = 0.0,
        claim_every: float = CLAIM_EVERY_SECONDS,
        claim_idle_ms: int = CLAIM_IDLE_MS,
    ) -> None:
        self._redis = redis
        self._stream = stream
        self._group = group
        self._name = name
        self._handle = handle
        self._on_connected = on_connected
        self._batch = batch
        self._gather_seconds = gather_seconds
        self._claim_every = claim_every
        self._claim_idle_ms = claim_idle_ms
        self.connected = False

    async def run(self) -> None:
        """Drains this member's own pending entries, then reads new ones and takes over abandoned ones."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if self._on_connected:
                    await self._on_connected()
                await self._ensure_group()
                self.connected = True
                await self._drain_own()
                pause = FIRST_PAUSE_SECONDS
                await self._follow()
            except (RedisError, OSError) as error:
                if self.connected:
                    _LOG.warning("lost the stream", extra={"stream": self._stream.name, "error": str(error)})
                self.connected = False
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _ensure_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._stream.name, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _drain_own(self) -> None:
        last = b"0"
        while entries := await self._read(last):
            last = entries[-1][0]
            await self._process(entries)

    async def _follow(self) -> None:
        next_claim = monotonic()
        while True:
            if monotonic() >= next_claim:
                await self._take_over()
                next_claim = monotonic() + self._claim_every
            if entries := await self._read(b">", block=BLOCK_MS):
                await self._process(entries)
                await asyncio.sleep(self._gather_seconds)

    async def _read(self, last: bytes, block: int | None = None) -> list[Entry]:
        reply: Any = await self._redis.xreadgroup(
            self._group, self._name, {self._stream.name: last}, count=self._batch, block=block
        )
        return [(entry_id, fields) for _, entries in reply or () for entry_id, fields in entries if fields]

    async def _take_over(self) -> None:
        cursor: bytes = b"0-0"
        while True:
            cursor, entries, *_ = await self._redis.xautoclaim(
                self._stream.name, self._group, self._name, self._claim_idle_ms, start_id=cursor, count=self._batch
            )
            worn = await self._worn_out([entry_id for entry_id, _ in entries])
            for entry_id, fields in entries:
                if entry_id in worn:
                    await self._bury(entry_id, fields, f"failed {worn[entry_id]} times")
            await self._process([entry for entry in entries if entry[0] not in worn])
            if cursor == b"0-0":
                return

    async def _worn_out(self, entry_ids: list[bytes]) -> dict[bytes, int]:
        worn: dict[bytes, int] = {}
        for entry_id in entry_ids:
            rows: Any = await self._redis.xpending_range(self._stream.name, self._group, entry_id, entry_id, 1)
            if rows and rows[0]["times_delivered"] > MAX_DELIVERIES:
                worn[entry_id] = rows[0]["times_delivered"]
        return worn

    async def _process(self, entries: list[Entry]) -> None:
        """Handles entries together; when that fails, one by one, so that a bad one does not hold up the others."""
        good: list[tuple[bytes, list[EventType]]] = []
        for entry_id, fields in entries:
            try:
                good.append((entry_id, self._stream.decode(fields)))
            except ValueError as error:
                await self._bury(entry_id, fields, str(error)[:500])
        if not good:
            return
        try:
            await self._insist([event for _, events in good for event in events])
        except (RedisError, OSError):
            raise
        except Exception:
            if len(good) == 1:
                _LOG.exception("entry failed", extra={"stream": self._stream.name, "entry": good[0][0].decode()})
                return
            by_id = dict(entries)
            for entry_id, _ in good:
                await self._process([(entry_id, by_id[entry_id])])
            return
        await self._redis.xack(self._stream.name, self._group, *[entry_id for entry_id, _ in good])

    async def _insist(self, events: list[EventType]) -> None:
        """Hands events over, again and again while something that the handler needs is not there: that is nobody's
        fault here, and a new delivery would count against them.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._handle(events)
            except Unavailable as error:
                if pause == FIRST_PAUSE_SECONDS:
                    _LOG.warning("a stream has to wait", extra={"stream": self._stream.name, "error": error.message})
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _bury(self, entry_id: bytes, fields: dict[bytes, bytes], reason: str) -> None:
        _LOG.error("dead letter", extra={"stream": self._stream.name, "entry": entry_id.decode(), "reason": reason})
        record: dict[Any, Any] = {
            **fields,
            b"reason": reason.encode(),
            b"entry": entry_id,
            b"group": self._group.encode(),
        }
        await self._redis.xadd(self._stream.dead, record)
        await self._redis.xack(self._stream.name, self._group, entry_id)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that was set aside: its id in the dead-letter stream, the id it had, and why."""

    dead_id: str
    entry: str
    reason: str
    fields: dict[bytes, bytes]


async def read_dead(redis: Redis, stream: Stream[Any]) -> list[DeadLetter]:
    """Every entry that was set aside, oldest first."""
    entries: Any = await redis.xrange(stream.dead)
    return [
        DeadLetter(dead_id.decode(), fields[b"entry"].decode(), fields[b"reason"].decode(), fields)
        for dead_id, fields in entries
    ]


async def replay_dead(redis: Redis, stream: Stream[Any]) -> int:
    """Puts every dead letter back at the end of its stream; the number of them."""
    letters = await read_dead(redis, stream)
    for letter in letters:
        kept: dict[Any, Any] = {b"events": letter.fields.get(b"events", b"")}
        async with redis.pipeline(transaction=True) as both:
            both.xadd(stream.name, kept)
            both.xdel(stream.dead, letter.dead_id)
            await both.execute()
    return len(letters)


async def trim_consumed(redis: Redis, name: str) -> None:
    """Removes what every consumer group of the stream has acknowledged; never what one still has pending."""
    kept = await _consumed(redis, name)
    if kept:
        await redis.xtrim(name, minid="{}-{}".format(*min(kept)[:2]), approximate=True)


async def purge(redis: Redis, stream: Stream[EventType], unwanted: Callable[[EventType], bool]) -> tuple[int, int]:
    """Removes entries that hold an unwanted event and that every group is done with, and such events from dead letters.

    (how many were removed or shortened, how many must wait because somebody has not read them). An event that goes with
    an unwanted one has been handled too, but in a dead letter, where it is kept.
    """
    entries: Any = await redis.xrange(stream.name)
    groups = await _consumed(redis, stream.name) if entries else []
    removed = waiting = 0
    for entry_id, fields in entries:
        if not _holds(stream, fields, unwanted):
            continue
        place = _place(entry_id)
        if all(place < (time, number) or (done and place == (time, number)) for time, number, done in groups):
            removed += await redis.xdel(stream.name, entry_id)
        else:
            waiting += 1
    for letter in await read_dead(redis, stream):
        if _holds(stream, letter.fields, unwanted):
            removed += await _shorten(redis, stream, letter, unwanted)
    return removed, waiting


async def _shorten(
    redis: Redis, stream: Stream[EventType], letter: DeadLetter, unwanted: Callable[[EventType], bool]
) -> int:
    """Puts what is left of a dead letter, if anything, in its place at the end; 1 when it was still there."""
    left = [event for event in stream.decode(letter.fields) if not unwanted(event)]
    shortened: dict[Any, Any] = {**letter.fields, b"events": stream.encode(left)["events"]}
    async with redis.pipeline(transaction=True) as both:
        if left:
            both.xadd(stream.dead, shortened)
        both.xdel(stream.dead, letter.dead_id)
        *_, removed = await both.execute()
    return int(removed)


def _holds(stream: Stream[EventType], fields: dict[bytes, bytes], unwanted: Callable[[EventType], bool]) -> bool:
    try:
        return any(unwanted(event) for event in stream.decode(fields))
    except ValueError:
        return False


async def _consumed(redis: Redis, name: str) -> list[tuple[int, int, bool]]:
    """For each group how far it has come, and whether it is done with that entry too."""
    kept: list[tuple[int, int, bool]] = []
    groups: Any = await redis.xinfo_groups(name)
    for group in groups:
        pending: Any = await redis.xpending(name, group["name"])
        oldest = pending["min"] if pending["pending"] else group["last-delivered-id"]
        kept.append((*_place(oldest), not pending["pending"]))
    return kept


def _place(entry_id: bytes) -> tuple[int, int]:
    milliseconds, sequence = entry_id.decode().split("-")
    return int(milliseconds), int(sequence)


def open_redis(url: str) -> Redis:
    """A client with bounded waits, so that a Redis that hangs is an error and not a hang.

    It does not introduce itself (`driver_info`): its user may not.
    """
    return Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15, protocol=2, driver_info=None
    )
