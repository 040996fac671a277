"""The batcher: order and identity, bounds, bisecting, deadlines, cancellation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.batching import Batcher
from vigie.errors import DeadlineExceeded, InvalidRequest, QueueFull, Unavailable

Outcome = int | BaseException


class Worker:
    """Doubles numbers; fails for a batch that holds one of `poison`; a closed `gate` holds every batch back."""

    def __init__(self, *, poison: frozenset[int] = frozenset(), error: type[Exception] = ValueError) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._poison = poison
        self._error = error

    async def run(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.gate.wait()
        if self._poison.intersection(items):
            raise self._error("poison")
        return [item * 2 for item in items]


@asynccontextmanager
async def held_back(worker: Worker) -> AsyncIterator[None]:
    """Batches wait inside the block and go on after it, also when the test fails in it."""
    worker.gate.clear()
    try:
        yield
    finally:
        worker.gate.set()


async def turns(count: int = 5) -> None:
    """Lets every task that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


def batcher(
    run: Callable[[list[int]], Awaitable[Sequence[int]]],
    *,
    max_weight: int = 8,
    max_pending: int = 1000,
    weight: Callable[[int], int] = lambda _: 1,
    concurrency: int = 1,
    bisect_on: tuple[type[Exception], ...] | None = None,
) -> Batcher[int, int]:
    return Batcher(
        run,
        max_weight=max_weight,
        max_pending=max_pending,
        weight=weight,
        concurrency=concurrency,
        bisect_on=bisect_on,
    )


@given(
    items=st.lists(st.integers(0, 40), max_size=60),
    poison=st.frozensets(st.integers(0, 40), max_size=4),
    max_weight=st.integers(1, 12),
    concurrency=st.integers(1, 3),
    pauses=st.lists(st.integers(0, 3), max_size=60),
)
def test_everybody_gets_the_result_of_their_own_item_and_only_bad_items_fail(
    items: list[int], poison: frozenset[int], max_weight: int, concurrency: int, pauses: list[int]
) -> None:
    async def scenario() -> tuple[Worker, list[Outcome]]:
        worker = Worker(poison=poison)
        async with batcher(
            worker.run, max_weight=max_weight, weight=lambda item: item % 5, concurrency=concurrency
        ) as subject:
            tasks = []
            for number, item in enumerate(items):
                tasks.append(asyncio.create_task(subject.submit(item)))
                await turns(pauses[number] if number < len(pauses) else 0)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert subject.pending == 0
        return worker, outcomes

    worker, outcomes = asyncio.run(scenario())
    for item, outcome in zip(items, outcomes, strict=True):
        if item in poison:
            assert isinstance(outcome, ValueError)
        else:
            assert outcome == item * 2
    assert all(len(batch) == 1 or sum(item % 5 for item in batch) <= max_weight for batch in worker.batches)
    if not poison and concurrency == 1:
        assert [item for batch in worker.batches for item in batch] == items


@given(
    items=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["stay", "leave", "late"])), max_size=50),
    max_weight=st.integers(1, 10),
)
def test_nothing_is_computed_for_who_left_or_came_too_late(items: list[tuple[int, str]], max_weight: int) -> None:
    async def scenario() -> tuple[Worker, list[Outcome]]:
        worker = Worker()
        async with batcher(worker.run, max_weight=max_weight) as subject:
            async with held_back(worker):
                blocker = asyncio.create_task(subject.submit(99))
                await turns()
                tasks = []
                for item, kind in items:
                    deadline = asyncio.get_running_loop().time() - 1 if kind == "late" else None
                    tasks.append(asyncio.create_task(subject.submit(item, deadline)))
                await turns()
                for task, (_, kind) in zip(tasks, items, strict=True):
                    if kind == "leave":
                        task.cancel()
                await turns()
                assert subject.pending == sum(kind == "stay" for _, kind in items)
            assert await blocker == 198
            return worker, await asyncio.gather(*tasks, return_exceptions=True)

    worker, outcomes = asyncio.run(scenario())
    expected = {"stay": int, "leave": asyncio.CancelledError, "late": DeadlineExceeded}
    assert [type(outcome) for outcome in outcomes] == [expected[kind] for _, kind in items]
    assert [item for batch in worker.batches[1:] for item in batch] == [item for item, kind in items if kind == "stay"]


@given(
    asks=st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 3)), max_size=60),
    max_weight=st.integers(1, 12),
    concurrency=st.integers(1, 3),
)
def test_nobody_is_overtaken_however_heavy_others_are_and_whoever_leaves(
    asks: list[tuple[int, bool, int]], max_weight: int, concurrency: int
) -> None:
    async def scenario() -> Worker:
        worker = Worker()
        weights = {number: weight for number, (weight, _, _) in enumerate(asks)}
        async with batcher(
            worker.run, max_weight=max_weight, weight=weights.__getitem__, concurrency=concurrency
        ) as subject:
            tasks = []
            for number, (_, leaves, pause) in enumerate(asks):
                tasks.append(asyncio.create_task(subject.submit(number)))
                await turns(pause)
                if leaves:
                    tasks[-1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return worker

    begun = [number for batch in asyncio.run(scenario()).batches for number in batch]
    assert begun == sorted(set(begun))
    assert {number for number, (_, leaves, _) in enumerate(asks) if not leaves} <= set(begun)


@given(weights=st.lists(st.integers(1, 9), max_size=40), limit=st.integers(1, 20))
def test_never_more_waits_than_the_limit_but_for_one_item_that_is_heavier(weights: list[int], limit: int) -> None:
    async def scenario() -> None:
        worker = Worker()
        async with batcher(worker.run, max_pending=limit, weight=lambda item: item) as subject:
            async with held_back(worker):
                tasks = [asyncio.create_task(subject.submit(1))]
                await turns()
                waiting = 0
                for weight in weights:
                    task = asyncio.create_task(subject.submit(weight))
                    await turns()
                    fits = not waiting or waiting + weight <= limit
                    assert task.done() != fits
                    if fits:
                        waiting += weight
                        tasks.append(task)
                    else:
                        with pytest.raises(QueueFull):
                            await task
                    assert subject.pending == waiting
            await asyncio.gather(*tasks)

    asyncio.run(scenario())


async def test_what_came_while_the_worker_was_busy_is_one_batch() -> None:
    worker = Worker()
    async with batcher(worker.run) as subject:
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(0))]
            await turns()
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(1, 6)]
            await turns()
        await asyncio.gather(*tasks)
    assert worker.batches == [[0], [1, 2, 3, 4, 5]]


async def test_an_item_heavier_than_a_batch_runs_alone() -> None:
    worker = Worker()
    async with batcher(worker.run, max_weight=8, weight=lambda item: item) as subject:
        assert await asyncio.gather(*(subject.submit(item) for item in (3, 20, 3))) == [6, 40, 6]
    assert worker.batches == [[3], [20], [3]]


async def test_a_full_queue_says_when_to_come_back_from_the_rate_it_drains_at() -> None:
    worker = Worker()
    async with batcher(worker.run, max_pending=10) as subject:
        await asyncio.gather(*(subject.submit(item) for item in range(8)))
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(item)) for item in range(10)]
            await turns()
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(8)]
            await turns()
            with pytest.raises(QueueFull, match="the queue holds 10 of 10") as refused:
                await subject.submit(1)
            assert refused.value.retry_after is not None
            assert 0 < refused.value.retry_after < 1
        await asyncio.gather(*tasks)


async def test_what_belongs_together_is_taken_together_or_not_at_all() -> None:
    worker = Worker()
    async with batcher(worker.run, max_weight=1, max_pending=6) as subject:
        async with held_back(worker):
            first = subject.submit_all([1, 2, 3, 4], inf)
            await turns()
            assert subject.pending == 3
            with pytest.raises(QueueFull, match="the queue holds 3 of 6"):
                subject.submit_all([5, 6, 7, 8], inf)
            assert subject.pending == 3
            second = subject.submit_all([9, 10], inf)
            for future in first[2:]:
                future.cancel()
            await turns()
            assert subject.pending == 3
        assert await asyncio.gather(*first[:2], *second) == [2, 4, 18, 20]
        assert await asyncio.gather(*subject.submit_all([20, 21, 22, 23, 24, 25, 26], inf)) == [*range(40, 53, 2)]
    assert 3 not in [item for batch in worker.batches for item in batch]


async def test_the_deadline_is_kept_while_the_worker_is_busy_with_others() -> None:
    worker = Worker()
    async with batcher(worker.run) as subject:
        async with held_back(worker):
            now = asyncio.get_running_loop().time()
            blocker = asyncio.create_task(subject.submit(1, now + 60))
            await turns()
            later = asyncio.create_task(subject.submit(2, now + 60))
            await turns()
            with pytest.raises(DeadlineExceeded):
                await subject.submit(3, now + 0.01)
            assert subject.pending == 1
        assert [await blocker, await later] == [2, 4]
    assert worker.batches == [[1], [2]]


async def test_the_deadline_is_kept_while_the_item_is_being_computed() -> None:
    worker = Worker()
    async with batcher(worker.run) as subject:
        async with held_back(worker):
            now = asyncio.get_running_loop().time()
            outcomes = asyncio.gather(
                subject.submit(1, now + 60), subject.submit(2, now + 0.01), subject.submit(3), return_exceptions=True
            )
            later = asyncio.create_task(subject.submit(4, now + 0.02))
            with pytest.raises(DeadlineExceeded):
                await later
        first, second, third = await outcomes
    assert (first, third) == (2, 6)
    assert isinstance(second, DeadlineExceeded)


async def test_who_left_does_not_stay_in_memory() -> None:
    worker = Worker()
    async with batcher(worker.run) as subject:
        async with held_back(worker):
            blocker = asyncio.create_task(subject.submit(0))
            await turns()
            for _ in range(1000):
                task = asyncio.create_task(subject.submit(1))
                await turns(1)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            assert subject.pending == 0
            assert len(subject._queue) <= 130
        await blocker


async def test_an_error_about_the_whole_batch_is_not_bisected() -> None:
    worker = Worker(poison=frozenset({2}), error=Unavailable)
    async with batcher(worker.run) as subject:
        outcomes = await asyncio.gather(*(subject.submit(item) for item in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4
    assert worker.batches == [[0, 1, 2, 3]]


async def test_an_error_that_is_named_is_bisected() -> None:
    worker = Worker(poison=frozenset({2}), error=InvalidRequest)
    async with batcher(worker.run, bisect_on=(InvalidRequest,)) as subject:
        outcomes = await asyncio.gather(*(subject.submit(item) for item in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, int, InvalidRequest, int]
    assert worker.batches == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]


async def test_a_wrong_number_of_results_fails_everybody_in_the_batch() -> None:
    async def run(items: list[int]) -> list[int]:
        return items[:-1]

    async with batcher(run) as subject:
        outcomes = await asyncio.gather(*(subject.submit(item) for item in range(3)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["expected 3 results, got 2"] * 3


async def test_stopping_answers_what_is_queued_and_takes_nothing_more() -> None:
    worker = Worker()
    subject = batcher(worker.run, max_weight=2)
    async with held_back(worker):
        tasks = [asyncio.create_task(subject.submit(item, asyncio.get_running_loop().time() + 60)) for item in range(5)]
        await turns()
        stopping = asyncio.create_task(subject.stop())
        await turns()
        with pytest.raises(Unavailable, match="the queue is closed"):
            await subject.submit(9)
    await stopping
    assert [task.result() for task in tasks] == [0, 2, 4, 6, 8]


async def test_every_call_is_observed_with_its_weight_wait_and_time() -> None:
    seen: list[tuple[int, float, float]] = []
    worker = Worker()

    def observe(weight: int, waited: float, took: float) -> None:
        seen.append((weight, waited, took))

    subject: Batcher[int, int] = Batcher(
        worker.run, max_weight=8, max_pending=10, weight=lambda item: item, observe=observe
    )
    async with subject:
        await asyncio.gather(subject.submit(3), subject.submit(4))
    ((weight, waited, took),) = seen
    assert weight == 7
    assert waited >= 0
    assert took >= 0


async def test_an_item_that_comes_the_moment_the_worker_goes_idle_is_not_forgotten() -> None:
    async with batcher(Worker().run) as subject, asyncio.timeout(5):
        assert [await subject.submit(item) for item in range(5)] == [0, 2, 4, 6, 8]
