"""What several ask for at the same time is computed once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.in_flight import InFlight
from vigie.errors import DeadlineExceeded, Unavailable


class Source:
    """Answers with how often it was asked, once `gate` is open; raises `error` instead, if there is one."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def compute(self) -> int:
        self.asked += 1
        answer = self.asked
        await self.gate.wait()
        if self.error:
            raise self.error
        return answer


@asynccontextmanager
async def together(subject: InFlight[int], source: Source, count: int) -> AsyncIterator[list["asyncio.Task[int]"]]:
    """So many ask for the same and wait; in the block the first one computes."""
    later = asyncio.get_running_loop().time() + 60
    tasks = [asyncio.create_task(subject.once("a", later, source.compute)) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)
    yield tasks
    await asyncio.gather(*tasks, return_exceptions=True)
    assert "a" not in subject


async def test_one_computes_for_all_and_the_next_one_computes_again() -> None:
    subject, source = InFlight[int](), Source()
    async with together(subject, source, 5) as tasks:
        assert "a" in subject
        source.gate.set()
    assert [task.result() for task in tasks] == [1] * 5
    assert await subject.once("a", asyncio.get_running_loop().time() + 60, source.compute) == 2


async def test_when_the_one_who_computes_leaves_the_next_one_does() -> None:
    subject, source = InFlight[int](), Source()
    async with together(subject, source, 4) as tasks:
        tasks[0].cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        source.gate.set()
    assert tasks[0].cancelled()
    assert [task.result() for task in tasks[1:]] == [2] * 3


async def test_one_who_waits_may_leave_without_disturbing_anybody() -> None:
    subject, source = InFlight[int](), Source()
    async with together(subject, source, 4) as tasks:
        tasks[2].cancel()
        await asyncio.sleep(0)
        source.gate.set()
    assert tasks[2].cancelled()
    assert [tasks[each].result() for each in (0, 1, 3)] == [1] * 3
    assert source.asked == 1


async def test_a_failure_is_everybodys_but_a_deadline_is_ones_own() -> None:
    subject, source = InFlight[int](), Source()
    source.error = Unavailable("gone")
    async with together(subject, source, 3) as tasks:
        source.gate.set()
    assert [type(task.exception()) for task in tasks] == [Unavailable] * 3
    assert source.asked == 1
    source.error, source.asked = DeadlineExceeded("late"), 0
    source.gate.clear()
    async with together(subject, source, 3) as tasks:
        source.gate.set()
    assert [type(task.exception()) for task in tasks] == [DeadlineExceeded] * 3
    assert source.asked == 3


async def test_who_waits_for_anothers_answer_waits_until_the_own_deadline() -> None:
    subject, source = InFlight[int](), Source()
    async with together(subject, source, 1) as tasks:
        with pytest.raises(DeadlineExceeded):
            await subject.once("a", asyncio.get_running_loop().time() + 0.01, source.compute)
        source.gate.set()
    assert [task.result() for task in tasks] == [1]


@given(asks=st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), max_size=40))
def test_everybody_who_stays_gets_the_answer_to_their_own_question(asks: list[tuple[str, bool, int]]) -> None:
    async def scenario() -> None:
        subject: InFlight[str] = InFlight()
        running: dict[str, int] = dict.fromkeys("abc", 0)

        async def compute(key: str) -> str:
            running[key] += 1
            assert running[key] == 1, "two compute the same at a time"
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
                return key
            finally:
                running[key] -= 1

        later = asyncio.get_running_loop().time() + 60
        tasks = []
        for key, leaves, pause in asks:
            tasks.append(asyncio.create_task(subject.once(key, later, lambda key=key: compute(key))))  # type: ignore[misc]
            for _ in range(pause):
                await asyncio.sleep(0)
            if leaves:
                tasks[-1].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for (key, leaves, _), outcome in zip(asks, outcomes, strict=True):
            assert outcome == key or (leaves and isinstance(outcome, asyncio.CancelledError))

    asyncio.run(scenario())
