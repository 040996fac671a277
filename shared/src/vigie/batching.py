"""A work-conserving batcher: a batch is formed at the moment a worker becomes free, from whatever is queued.

No timer holds a request back (a window makes a cheap model slow at low rates), and under load batches grow by
themselves. The queue is bounded, and a queue that stands is kept short; deadlines are kept; a failing batch is bisected
so that only the bad item fails.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import inf
from typing import Generic, Protocol, Self, TypeVar, cast

from vigie.errors import DeadlineExceeded, QueueFull, Unavailable, VigieError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

STANDING_BATCHES = 3  # who keeps a few hundred connections busy waits little longer than one batch takes: no overload
STANDING_SECONDS = 1.0
REFUSAL_SECONDS = 0.0003  # of a processor: where an answer costs no more, turning a crowd away answers nobody more
_RATE_SMOOTHING = 0.1
_SWEEP_FROM = 64
_NO_SPREAD = 1e-9  # of what it is taken from: less is rounding


class Observer(Protocol):
    """Sees every call of `run`: its weight, how long its oldest item waited and how long it took, in seconds."""

    def __call__(self, weight: int, waited: float, took: float) -> None: ...


@dataclass(slots=True, eq=False)
class _Entry(Generic[ItemT, ResultT]):
    item: ItemT
    weight: int
    deadline: float
    queued_at: float
    future: "asyncio.Future[ResultT]"
    queued: bool = True


class _Cost:
    """What items cost by their number and weight, in seconds: a line through the batches of late (least squares).

    Of light items each costs about as much as a call does, a heavy one much less than as many light ones.
    """

    def __init__(self) -> None:
        self._items = self._weight = self._seconds = self._weight_squared = self._weight_seconds = 0.0

    def note(self, items: int, weight: int, seconds: float) -> None:
        """A batch; what was noted before counts a little less."""
        kept = 1 - _RATE_SMOOTHING
        self._items = kept * self._items + items
        self._weight = kept * self._weight + weight
        self._seconds = kept * self._seconds + seconds
        self._weight_squared = kept * self._weight_squared + weight * weight / items
        self._weight_seconds = kept * self._weight_seconds + weight * seconds / items

    def of(self, items: int, weight: int) -> float:
        """How long so many of so much weight will take, nothing where nothing is known."""
        if not self._weight:
            return 0.0
        spread = self._items * self._weight_squared - self._weight**2
        together = self._items * self._weight_seconds - self._weight * self._seconds
        if spread <= _NO_SPREAD * self._weight**2:  # all were alike: what is lighter, or fewer, costs no more than they
            return min(self._seconds / self._items * items, self._seconds / self._weight * weight)
        by_weight = min(max(0.0, together / spread), self._seconds / self._weight)
        by_item = (self._seconds - by_weight * self._weight) / self._items
        return by_item * items + by_weight * weight


class Batcher(Generic[ItemT, ResultT]):
    """Runs items in batches of at most `max_weight`, `concurrency` batches at a time, in the order they came.

    `run` gets the items of a batch and returns one result for each, in order. At most `max_pending` of weight waits; an
    item heavier than a limit still gets in when the queue is empty, and runs alone. A queue that has not been empty for
    `burst_seconds` only serves to make everybody late (Nichols and Jacobson 2012, "Controlling Queue Delay"): then no
    more wait than `STANDING_BATCHES`, or what takes `STANDING_SECONDS`; of a worker whose answers cost more than a
    refusal (`REFUSAL_SECONDS`), as much less of these seconds. With `refuses_late` nothing gets behind others that with
    it take longer than its deadline allows: else, under a load that lasts, everybody is answered late. When `run`
    raises one of `bisect_on` (by default any `Exception` but `VigieError`, which speaks of all), the batch is halved.
    With `stops_when_left` a `run` is cancelled once everybody in its batch has left: for one that then really stops.
    Use it from one event loop, as an async context manager or with `stop` at the end.
    """

    def __init__(
        self,
        run: Callable[[list[ItemT]], Awaitable[Sequence[ResultT]]],
        *,
        max_weight: int,
        max_pending: int,
        burst_seconds: float = inf,
        weight: Callable[[ItemT], int] = lambda _: 1,
        concurrency: int = 1,
        bisect_on: tuple[type[Exception], ...] | None = None,
        stops_when_left: bool = False,
        refuses_late: bool = False,
        observe: Observer | None = None,
    ) -> None:
        self._run = run
        self._max_weight = max_weight
        self._max_pending = max_pending
        self._burst_seconds = burst_seconds
        self._stands_since = 0.0
        self._weight = weight
        self._concurrency = concurrency
        self._bisect_on = bisect_on
        self._stops_when_left = stops_when_left
        self._refuses_late = refuses_late
        self._observe = observe
        self._queue: deque[_Entry[ItemT, ResultT]] = deque()
        self._left = 0
        self.pending = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._computing: dict[asyncio.Task[None], list[_Entry[ItemT, ResultT]]] = {}
        self._abandoned: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf
        self._stopped = False
        self._rate = 0.0
        self._cost = _Cost()

    async def stop(self) -> None:
        """Takes nothing more, and returns once everything queued has been answered."""
        self._stopped = True
        while self._workers:
            await asyncio.wait(self._workers)
        if self._alarm:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, inf

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_busy(self) -> bool:
        """Whether a batch is being computed or something waits."""
        return bool(self._workers)

    @property
    def expected_wait(self) -> float:
        """How long what is queued will take, in seconds, at the rate of late.

        While no batch has been answered, as long as it has taken by now: at first nothing speaks for a long wait.
        """
        if not self.pending:
            return 0.0
        return self.pending / self._rate if self._rate else asyncio.get_running_loop().time() - self._stands_since

    @property
    def is_overrun(self) -> bool:
        """Whether more comes than is answered, and not just for a moment."""
        seconds = min(STANDING_SECONDS, REFUSAL_SECONDS * self._rate)
        if self.pending < min(self._max_pending, max(STANDING_BATCHES * self._max_weight, seconds * self._rate)):
            return False
        return asyncio.get_running_loop().time() - self._stands_since > self._burst_seconds

    async def submit(self, item: ItemT, deadline: float | None = None) -> ResultT:
        """The item's result. `deadline` is a time of the loop's clock, in seconds.

        Raises `QueueFull` at once when there is no room, `DeadlineExceeded` at the deadline (nothing is computed for an
        item that was still queued then), `Unavailable` when stopped, and whatever `run` raised for this item.
        """
        weight, due = self._weight(item), inf if deadline is None else deadline
        self._admit(1, weight, due)
        entry = self._enter(item, weight, due)
        try:
            return await entry.future
        except asyncio.CancelledError:
            self._left_early(entry)
            raise

    def submit_all(self, items: Sequence[ItemT], deadline: float) -> "list[asyncio.Future[ResultT]]":
        """The results to be, like `submit`; cancel those that nobody waits for any more.

        Raises `QueueFull` at once when there is no room for all of them: what is computed of a part would be in vain.
        """
        weights = [self._weight(item) for item in items]
        self._admit(len(items), sum(weights), deadline)
        entries = [self._enter(item, weight, deadline) for item, weight in zip(items, weights, strict=True)]
        for entry in entries:
            entry.future.add_done_callback(partial(self._left_early, entry))
        return [entry.future for entry in entries]

    def _left_early(self, entry: _Entry[ItemT, ResultT], _: object = None) -> None:
        if not entry.future.cancelled():
            return
        if entry.queued:
            self._leave(entry)
        elif self._stops_when_left:
            self._abandon(entry)

    def _abandon(self, left: _Entry[ItemT, ResultT]) -> None:
        for worker, batch in self._computing.items():
            if left in batch and worker not in self._abandoned and all(entry.future.done() for entry in batch):
                self._abandoned.add(worker)
                worker.cancel()

    def _admit(self, count: int, weight: int, due: float) -> None:
        if self._stopped:
            raise Unavailable("the queue is closed: the service is stopping")
        if not self.pending:
            return
        if self.pending + weight > self._max_pending or self.is_overrun or self._would_be_late(count, weight, due):
            raise QueueFull(f"the queue holds {self.pending} of {self._max_pending}", retry_after=self.expected_wait)

    def _would_be_late(self, count: int, weight: int, due: float) -> bool:
        """By what was done of late in the time it took; `_rate` says what is reached when nothing is in the way."""
        if not self._refuses_late:
            return False
        computing = [entry for batch in self._computing.values() for entry in batch]
        count += len(self._queue) - self._left + len(computing)
        weight += self.pending + sum(entry.weight for entry in computing)
        seconds = self._cost.of(count, weight) / self._concurrency
        return asyncio.get_running_loop().time() + seconds > due

    def _enter(self, item: ItemT, weight: int, due: float) -> _Entry[ItemT, ResultT]:
        loop = asyncio.get_running_loop()
        if not self.pending:
            self._stands_since = loop.time()
        entry = _Entry[ItemT, ResultT](item, weight, due, loop.time(), loop.create_future())
        self._queue.append(entry)
        self.pending += weight
        if due < self._alarm_at:
            self._set_alarm(due)
        if len(self._workers) < self._concurrency:
            self._workers.add(loop.create_task(self._work()))
        return entry

    async def _work(self) -> None:
        worker = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            while batch := self._form():
                await self._compute(worker, batch)
        finally:  # in the same turn as the last look at the queue: a callback would leave who comes between waiting
            self._workers.discard(worker)

    async def _compute(self, worker: asyncio.Task[None], batch: list[_Entry[ItemT, ResultT]]) -> None:
        self._computing[worker] = batch
        try:
            await self._answer(batch)
        except asyncio.CancelledError:
            if worker not in self._abandoned or worker.uncancel():
                raise
        finally:
            del self._computing[worker]
            self._abandoned.discard(worker)
            for entry in batch:
                entry.future.cancel()  # does nothing to an answered one

    def _form(self) -> list[_Entry[ItemT, ResultT]]:
        """The next batch; entries past their deadline or cancelled cost nothing."""
        now = asyncio.get_running_loop().time()
        batch: list[_Entry[ItemT, ResultT]] = []
        weight = 0
        while self._queue and (not batch or weight + self._queue[0].weight <= self._max_weight):
            entry = self._queue.popleft()
            if not entry.queued:
                self._left -= 1
                continue
            entry.queued = False
            self.pending -= entry.weight
            if entry.deadline <= now:
                _expire(entry)
            elif not entry.future.done():
                batch.append(entry)
                weight += entry.weight
        return batch

    def _leave(self, entry: _Entry[ItemT, ResultT]) -> None:
        """Takes an entry out of the count at once, and out of memory before such entries are half of the queue."""
        entry.queued = False
        self.pending -= entry.weight
        self._left += 1
        if self._left >= _SWEEP_FROM and self._left * 2 > len(self._queue):
            self._queue = deque(entry for entry in self._queue if entry.queued)
            self._left = 0

    async def _answer(self, batch: list[_Entry[ItemT, ResultT]]) -> None:
        loop = asyncio.get_running_loop()
        batch = [entry for entry in batch if not entry.future.done()]
        if not batch:
            return
        started = loop.time()
        try:
            results = await self._run([entry.item for entry in batch])
        except Exception as error:
            self._note(batch, started, loop.time() - started, failed=True)
            await self._recover(batch, error)
            return
        self._note(batch, started, loop.time() - started)
        if len(results) != len(batch):
            _fail(batch, RuntimeError(f"expected {len(batch)} results, got {len(results)}"))
            return
        for entry, result in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(result)

    async def _recover(self, batch: list[_Entry[ItemT, ResultT]], error: Exception) -> None:
        bad_item = not isinstance(error, VigieError) if self._bisect_on is None else isinstance(error, self._bisect_on)
        if len(batch) == 1 or not bad_item:
            _fail(batch, error)
            return
        middle = len(batch) // 2
        await self._answer(batch[:middle])
        await self._answer(batch[middle:])

    def _note(self, batch: list[_Entry[ItemT, ResultT]], started: float, took: float, *, failed: bool = False) -> None:
        weight = sum(entry.weight for entry in batch)
        if self._observe:
            self._observe(weight, started - batch[0].queued_at, took)
        rate = self._concurrency * weight / max(took, 1e-6)
        if failed and rate > self._rate:  # who is down refuses quickly: it will be no faster when it is up again
            return
        self._rate = rate if not self._rate else self._rate + _RATE_SMOOTHING * (rate - self._rate)
        self._cost.note(len(batch), weight, took)

    def _set_alarm(self, due: float) -> None:
        """One timer serves all entries: it rings at the earliest deadline known when it was set."""
        if self._alarm:
            self._alarm.cancel()
        self._alarm, self._alarm_at = asyncio.get_running_loop().call_at(due, self._ring), due

    def _ring(self) -> None:
        now = max(asyncio.get_running_loop().time(), self._alarm_at)
        self._alarm, self._alarm_at = None, inf
        following = inf
        for entry in chain(self._queue, *self._computing.values()):
            if entry.future.done():
                continue
            if entry.deadline > now:
                following = min(following, entry.deadline)
                continue
            if entry.queued:
                self._leave(entry)
            _expire(entry)
        if following < inf:
            self._set_alarm(following)


def _expire(entry: _Entry[ItemT, ResultT]) -> None:
    _fail([entry], DeadlineExceeded("the deadline passed before an answer was there"))


def _fail(batch: Sequence[_Entry[ItemT, ResultT]], error: Exception) -> None:
    for entry in batch:
        if not entry.future.done():
            entry.future.set_exception(error)
