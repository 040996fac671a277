"""The line in which files wait."""

from contextlib import AsyncExitStack

from ui.scoring import Run
from ui.turns import Turns


async def test_a_third_file_waits_for_the_first_of_two_to_end_and_is_told() -> None:
    turns, runs, told = Turns(2), [Run() for _ in range(4)], list[int]()
    async with AsyncExitStack() as first, AsyncExitStack() as second, turns.taken(runs[2]) as alone:
        assert [before async for before in alone] == [], "alone it does not wait"
        await first.enter_async_context(turns.taken(runs[0]))
        await second.enter_async_context(turns.taken(runs[1]))
        async with turns.taken(runs[3]) as waits:
            async for before in waits:
                told.append(before)
                await (first if before == 2 else second).aclose()
        assert told == [2, 1]
        assert [run.under_way for run in runs] == [False, False, True, False]


async def test_a_file_that_is_stopped_waits_no_more() -> None:
    turns, run = Turns(1), Run()
    async with turns.taken(Run()), turns.taken(run) as waits:
        async for before in waits:
            assert before == 1
            run.cancelled = True
