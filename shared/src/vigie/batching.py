"""A work-conserving batcher: a batch is formed at the moment a worker becomes free, from whatever is queued.

No timer holds a request back (a window makes a cheap model slow at low rates), and under load batches grow by
themselves. The queue is bounded; deadlines are kept; a failing batch is bisected so that only the bad item fails.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vigie.errors import DeadlineExceeded, QueueFull, Unavailable

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_RATE_SMOOTHING = 0.1


class Observer(Protocol):
    """Sees every batch: its weight, how long its oldest item waited and how long it took, in seconds."""

    def __call__(self, weight: int, waited: float, took: float) -> None: ...


@dataclass(slots=True)
class _Entry(Generic[ItemT, ResultT]):
    item: ItemT
    weight: int
    deadline: float | None
    queued_at: float
    future: "asyncio.Future[ResultT]"
    taken: bool = False


class Batcher(Generic[ItemT, ResultT]):
    """Runs items in batches of at most `max_weight`, `concurrency` batches at a time, in the order they came.

    `run` gets the items of a batch and returns one result for each, in order. At most `max_pending` of weight waits.
    """

    def __init__(
        self,
        run: Callable[[list[ItemT]], Awaitable[Sequence[ResultT]]],
        *,
        max_weight: int,
        max_pending: int,
        weight: Callable[[ItemT], int] = lambda _: 1,
        concurrency: int = 1,
        bisect_on: tuple[type[Exception], ...] = (Exception,),
        observe: Observer | None = None,
    ) -> None:
        self._run = run
        self._max_weight = max_weight
        self._max_pending = max_pending
        self._weight = weight
        self._concurrency = concurrency
        self._bisect_on = bisect_on
        self._observe = observe
        self._queue: deque[_Entry[ItemT, ResultT]] = deque()
        self.pending = 0
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._rate = 0.0

    async def start(self) -> None:
        """Opens the queue (it is open from the beginning; after `stop`, again)."""
        self._stopped = False

    async def stop(self) -> None:
        """Takes nothing more, and returns once everything queued has been answered."""
        self._stopped = True
        while self._running:
            await asyncio.wait(self._running)

    async def submit(self, item: ItemT, deadline: float | None = None) -> ResultT:
        """The item's result. `deadline` is a time of the loop's clock, in seconds.

        Raises `QueueFull` at once when there is no room, `DeadlineExceeded` when the deadline passed before its batch
        was formed, and whatever `run` raised for this item.
        """
        weight = self._weight(item)
        if self._stopped:
            raise Unavailable("the queue is closed: the service is stopping")
        if self.pending and self.pending + weight > self._max_pending:
            raise QueueFull(f"the queue holds {self.pending} of {self._max_pending}", retry_after=self._drain_seconds())
        loop = asyncio.get_running_loop()
        entry = _Entry[ItemT, ResultT](item, weight, deadline, loop.time(), loop.create_future())
        self._queue.append(entry)
        self.pending += weight
        if len(self._running) < self._concurrency:
            worker = loop.create_task(self._work())
            self._running.add(worker)
            worker.add_done_callback(self._running.discard)
        try:
            return await entry.future
        except asyncio.CancelledError:
            self._leave(entry)
            raise

    async def _work(self) -> None:
        while batch := self._form():
            await self._answer(batch)

    def _form(self) -> list[_Entry[ItemT, ResultT]]:
        """The next batch; entries past their deadline or cancelled cost nothing."""
        now = asyncio.get_running_loop().time()
        batch: list[_Entry[ItemT, ResultT]] = []
        weight = 0
        while self._queue and (not batch or weight + self._queue[0].weight <= self._max_weight):
            entry = self._queue.popleft()
            self._leave(entry)
            if entry.future.done():
                continue
            if entry.deadline is not None and entry.deadline <= now:
                entry.future.set_exception(DeadlineExceeded("the deadline passed while the request was queued"))
                continue
            batch.append(entry)
            weight += entry.weight
        return batch

    def _leave(self, entry: _Entry[ItemT, ResultT]) -> None:
        if not entry.taken:
            entry.taken = True
            self.pending -= entry.weight

    async def _answer(self, batch: list[_Entry[ItemT, ResultT]]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            results = await self._run([entry.item for entry in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"expected {len(batch)} results, got {len(results)}")
        except self._bisect_on as error:
            await self._bisect(batch, error)
        except Exception as error:
            _fail(batch, error)
        else:
            for entry, result in zip(batch, results, strict=True):
                if not entry.future.done():
                    entry.future.set_result(result)
        self._note(batch, started, loop.time() - started)

    async def _bisect(self, batch: list[_Entry[ItemT, ResultT]], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch, error)
            return
        middle = len(batch) // 2
        await self._answer(batch[:middle])
        await self._answer(batch[middle:])

    def _note(self, batch: list[_Entry[ItemT, ResultT]], started: float, took: float) -> None:
        weight = sum(entry.weight for entry in batch)
        rate = weight / max(took, 1e-6)
        self._rate = rate if not self._rate else self._rate + _RATE_SMOOTHING * (rate - self._rate)
        if self._observe:
            self._observe(weight, started - batch[0].queued_at, took)

    def _drain_seconds(self) -> float:
        return self.pending / self._rate if self._rate else 1.0


def _fail(batch: Sequence[_Entry[ItemT, ResultT]], error: Exception) -> None:
    for entry in batch:
        if not entry.future.done():
            entry.future.set_exception(error)
