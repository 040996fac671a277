"""The batcher: what becomes of a batch that is computed for who has left."""

import asyncio
from math import inf

import pytest

from tests.unit.vigie.test_batching import Worker, batcher, held_back, turns
from vigie.batching import Batcher
from vigie.errors import QueueFull


def leaving(worker: Worker, *, max_weight: int = 1) -> Batcher[int, int]:
    return Batcher(worker.run, max_weight=max_weight, max_pending=100, concurrency=2, stops_when_left=True)


async def test_a_call_that_nobody_waits_for_ends_and_frees_its_place() -> None:
    worker = Worker()
    async with leaving(worker) as subject, held_back(worker):
        gone: list[asyncio.Future[int]] = [asyncio.create_task(subject.submit(1))]
        await turns()
        gone += subject.submit_all([2], inf)
        await turns()
        assert worker.batches == [[1], [2]]
        waiting = asyncio.create_task(subject.submit(3))
        await turns()
        assert subject.pending == 1
        for each in gone:
            each.cancel()
        await turns()
        assert worker.batches == [[1], [2], [3]]
        worker.gate.set()
        assert await waiting == 6
        assert await subject.submit(4) == 8


async def test_a_call_goes_on_while_anybody_waits_for_it() -> None:
    worker = Worker()
    async with leaving(worker, max_weight=8) as subject:
        async with held_back(worker):
            first, second, third = subject.submit_all([1, 2, 3], inf)
            await turns()
            first.cancel()
            second.cancel()
            await turns()
        assert await third == 6
    assert worker.batches == [[1, 2, 3]]


async def test_a_call_goes_on_for_nobody_where_it_would_not_stop_anyway() -> None:
    worker = Worker()
    async with batcher(worker.run, max_weight=1) as subject:
        async with held_back(worker):
            gone, waiting = subject.submit_all([1, 2], inf)
            await turns()
            gone.cancel()
            await turns()
            assert worker.batches == [[1]]
        assert await waiting == 4


async def test_a_call_that_ran_out_of_time_has_not_been_left() -> None:
    worker = Worker()
    async with leaving(worker) as subject:
        async with held_back(worker):
            late = subject.submit_all([1], asyncio.get_running_loop().time() + 0.01)
            await asyncio.wait(late)
            assert late[0].exception()
            assert subject.is_busy
        await turns()
        assert not subject.is_busy


async def test_the_worker_of_a_loop_that_ends_does_not_go_on_with_the_next_batch() -> None:
    worker = Worker()
    subject = leaving(worker)
    worker.gate.clear()
    first, *others = subject.submit_all([1, 2, 3], inf)
    await turns()
    first.cancel()
    workers = [*subject._workers]
    for worker_task in workers:
        worker_task.cancel()
    await turns()
    assert worker.batches == [[1], [2]]
    assert [each.cancelled() for each in workers] == [True, True]
    assert others[0].cancelled()


async def test_before_the_first_answer_the_wait_is_what_it_has_taken_by_now() -> None:
    worker, loop = Worker(), asyncio.get_running_loop()
    async with batcher(worker.run, max_weight=1, max_pending=3) as subject:
        async with held_back(worker):
            started = loop.time()
            asked = subject.submit_all([1, 2, 3, 4], inf)
            await turns()
            assert subject.pending == 3
            waited = subject.expected_wait
            assert 0 < waited <= loop.time() - started
            assert subject.expected_wait > waited
            with pytest.raises(QueueFull):
                await subject.submit(5)
        assert await asyncio.gather(*asked) == [2, 4, 6, 8]
        assert subject.expected_wait == 0
