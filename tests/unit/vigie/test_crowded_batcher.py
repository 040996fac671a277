"""The batcher: what it turns away when more comes than is answered."""

import asyncio

import pytest

from tests.unit.vigie.test_batching import Worker, held_back, turns
from vigie.batching import Batcher
from vigie.errors import DeadlineExceeded, QueueFull, Unavailable


def weighing(worker: Worker) -> Batcher[int, int]:
    """Of items that are what they weigh, with room for all of them: what it refuses would be late."""
    return Batcher(worker.run, max_weight=1, max_pending=10**15, weight=lambda item: item, refuses_late=True)


async def work(worker: Worker, subject: Batcher[int, int], item: int, *, seconds: float) -> None:
    """Has the worker take so long for the item."""
    async with held_back(worker):
        asyncio.get_running_loop().call_later(seconds, worker.gate.set)
        await subject.submit(item)


@pytest.mark.parametrize(("refuses_late", "told"), [(True, QueueFull), (False, DeadlineExceeded)])
async def test_what_would_be_late_may_be_refused_at_once(refuses_late: bool, told: type[Exception]) -> None:
    worker, loop = Worker(), asyncio.get_running_loop()
    async with Batcher(worker.run, max_weight=1, max_pending=10_000, refuses_late=refuses_late) as subject:
        assert await subject.submit(1) == 2, "nothing speaks against it before anything was done"
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(0))]
            await turns()
            with pytest.raises(DeadlineExceeded):
                await subject.submit(1, loop.time())
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(1000)]
            await turns()
            with pytest.raises(told):
                await subject.submit(1, loop.time())
            tasks.append(asyncio.create_task(subject.submit(1, loop.time() + 3600)))
            await turns()
        assert len(await asyncio.gather(*tasks)) == 1002


async def test_what_is_much_heavier_than_all_before_is_not_taken_for_as_many_light_ones() -> None:
    worker = Worker()
    async with weighing(worker) as subject:
        for _ in range(3):
            await subject.submit(1)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(1)) for _ in range(2)]
            await turns()
            tasks.append(asyncio.create_task(subject.submit(10**12, asyncio.get_running_loop().time() + 3600)))
            await turns()
        assert await asyncio.gather(*tasks) == [2, 2, 2 * 10**12]


async def test_what_is_light_is_not_taken_for_as_heavy_as_all_before() -> None:
    worker, loop = Worker(), asyncio.get_running_loop()
    async with weighing(worker) as subject:
        await work(worker, subject, 100, seconds=0.5)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(1)) for _ in range(400)]
            await turns()
            tasks.append(asyncio.create_task(subject.submit(1, loop.time() + 60)))
            await turns()
        assert await asyncio.gather(*tasks) == [2] * 401


async def test_what_is_as_heavy_as_all_before_is_refused_when_it_would_be_late_by_itself() -> None:
    worker, loop = Worker(), asyncio.get_running_loop()
    async with weighing(worker) as subject:
        await work(worker, subject, 8, seconds=0.1)
        await subject.submit(1)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(1)) for _ in range(2)]
            await turns()
            with pytest.raises(QueueFull):
                subject.submit_all([8] * 100, loop.time() + 5)
        assert await asyncio.gather(*tasks) == [2, 2]


async def test_a_queue_that_stands_holds_three_batches() -> None:
    worker = Worker()
    async with Batcher(worker.run, max_weight=4, max_pending=100, burst_seconds=0) as subject:
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(0))]
            await turns()
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(12)]
            await turns()
            assert subject.is_overrun
            with pytest.raises(QueueFull):
                await subject.submit(5)
            tasks[-1].cancel()
            await turns()
            assert not subject.is_overrun
        await asyncio.gather(*tasks[:-1])
        assert await subject.submit(6) == 12


async def test_of_a_fast_worker_more_may_wait_for_they_do_not_wait_long() -> None:
    worker = Worker()
    async with Batcher(worker.run, max_weight=4, max_pending=10_000, burst_seconds=0) as subject:
        for item in range(20):
            await subject.submit(item)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(0))]
            await turns()
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(12)]
            await turns()
            assert subject.pending == 12
            assert not subject.is_overrun
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("answered_before", [0, 20])
async def test_a_queue_that_stands_full_is_overrun_however_fast_its_worker(answered_before: int) -> None:
    worker = Worker()
    async with Batcher(worker.run, max_weight=4, max_pending=10, burst_seconds=0) as subject:
        for item in range(answered_before):
            await subject.submit(item)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(0))]
            await turns()
            tasks += [asyncio.create_task(subject.submit(item)) for item in range(10)]
            await turns()
            assert subject.is_overrun
        await asyncio.gather(*tasks)


async def test_being_refused_quickly_is_no_sign_of_a_quick_worker() -> None:
    worker = Worker(poison=frozenset({0}), error=Unavailable)
    async with Batcher(worker.run, max_weight=4, max_pending=100) as subject:
        await work(worker, subject, 1, seconds=0.1)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await subject.submit(0)
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(1)) for _ in range(9)]
            await turns()
            assert subject.pending == 5
            assert subject.expected_wait > 0.4
        await asyncio.gather(*tasks)


async def test_a_burst_fills_the_queue() -> None:
    worker = Worker()
    async with Batcher(worker.run, max_weight=4, max_pending=100, burst_seconds=60) as subject:
        async with held_back(worker):
            tasks = [asyncio.create_task(subject.submit(item)) for item in range(90)]
            await turns()
            assert subject.pending == 90 - 4
            assert not subject.is_overrun
        await asyncio.gather(*tasks)
