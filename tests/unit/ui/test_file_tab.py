"""A file on its way through the tab, without a browser: what else goes on meanwhile, and who stops or leaves it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Event, get_ident
from typing import Any

from tests.support.gateways import FakeGateway
from ui.desk import Desk
from ui.reading import Table
from ui.scoring import BATCH_ROWS, Run
from ui.tabs.file_tab import NO_CHANGE, FileEvents
from ui.turns import Turns

LARGE = Table("large.csv", "CSV", {"text": ["bad"] * BATCH_ROWS * 8})
SMALL = Table("small.csv", "CSV", {"text": ["good", "bad"]})
DEADLINE = 30


class Column(list[str]):
    """Knows the threads that went through it, and holds each while it is `held`."""

    def __init__(self, *values: str, held: bool = False) -> None:
        super().__init__(values)
        self.threads: list[int] = []
        self._reached, self._free = Event(), Event()
        if not held:
            self._free.set()

    def __iter__(self) -> Iterator[str]:
        self.threads.append(get_ident())
        self._reached.set()
        if not self._free.wait(DEADLINE):
            raise TimeoutError("nobody let it go")
        return super().__iter__()

    async def reached(self) -> None:
        """Waits until a thread is held."""
        assert await asyncio.to_thread(self._reached.wait, DEADLINE)

    def let_go(self) -> None:
        """Holds nobody from now on."""
        self._free.set()


def run_of(events: FileEvents, table: Table | None, run: Run) -> AsyncIterator[tuple[Any, ...]]:
    return events.run(table, "text", "logreg", run, "all", "")


async def all_of(told: AsyncIterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [outputs async for outputs in told]


def said(outputs: tuple[Any, ...]) -> str:
    return str(outputs[2])


async def test_a_file_that_the_server_has_forgotten_says_to_load_the_page_again(desk: Desk) -> None:
    [outputs] = await all_of(run_of(FileEvents(desk), None, Run()))
    assert "Load the page again" in said(outputs)


async def test_a_file_is_checked_written_and_counted_beside_the_event_loop(desk: Desk) -> None:
    texts = Column("good", "bad")
    last = (await all_of(run_of(FileEvents(desk), Table("small.csv", "CSV", {"text": texts}), Run())))[-1]
    assert "2 of 2 rows predicted" in said(last)
    assert texts.threads
    assert get_ident() not in texts.threads


async def test_the_page_answers_while_files_are_written_and_a_second_press_does_nothing(
    desk: Desk, gateway: FakeGateway
) -> None:
    events, run, numbers = FileEvents(desk), Run(), Column("1", "2", held=True)
    table = Table("small.csv", "CSV", {"id": numbers} | SMALL.columns)
    first = asyncio.create_task(all_of(run_of(events, table, run)))
    await numbers.reached()
    assert await all_of(run_of(events, table, run)) == [NO_CHANGE]
    assert "2 of 2 rows predicted" in said((await all_of(run_of(events, SMALL, Run())))[-1])
    assert not first.done()
    numbers.let_go()
    last = (await first)[-1]
    assert "2 of 2 rows predicted" in said(last)
    assert [await asyncio.to_thread(Path(path).is_file) for path in last[-3:]] == [True] * 3
    assert gateway.sizes == [2, 2], "that of the second press would be a third"
    assert not run.under_way


async def test_rows_that_are_asked_for_while_a_file_is_on_its_way_are_those_shown_at_its_end(desk: Desk) -> None:
    events, run, numbers = FileEvents(desk), Run(), Column("1", "2", held=True)
    told = asyncio.create_task(all_of(run_of(events, Table("small.csv", "CSV", {"id": numbers} | SMALL.columns), run)))
    await numbers.reached()
    asked = events.filter(run, "negative", "")
    assert ("1 row<" in asked, ">good<" in asked, ">bad<" in asked) == (True, False, True)
    numbers.let_go()
    assert (await told)[-1][4] == asked


async def test_a_file_that_is_left_while_its_results_are_written_says_no_more(desk: Desk, tmp_path: Path) -> None:
    events, old, numbers = FileEvents(desk), Run(), Column("1", "2", held=True)
    told = asyncio.create_task(all_of(run_of(events, Table("old.csv", "CSV", {"id": numbers} | SMALL.columns), old)))
    await numbers.reached()
    table, new = events.read(written(tmp_path), old)[:2]
    assert "3 of 3 rows predicted" in said((await all_of(run_of(events, table, new)))[-1])
    numbers.let_go()
    assert (await told)[-1] == NO_CHANGE


async def test_a_file_that_is_left_while_it_is_checked_sends_nothing(
    desk: Desk, gateway: FakeGateway, tmp_path: Path
) -> None:
    events, old, texts = FileEvents(desk), Run(), Column("good", "bad", held=True)
    left = Table("left.csv", "CSV", {"text": texts})
    told = asyncio.create_task(all_of(run_of(events, left, old)))
    await texts.reached()
    events.read(written(tmp_path), old)
    assert await all_of(run_of(events, left, old)) == [NO_CHANGE]
    texts.let_go()
    assert await told == [NO_CHANGE]
    assert await all_of(run_of(events, left, old)) == [NO_CHANGE], "a press that came late"
    assert gateway.sizes == []


async def test_a_file_that_is_stopped_while_it_is_checked_sends_nothing_until_the_next_press(
    desk: Desk, gateway: FakeGateway
) -> None:
    events, run, texts = FileEvents(desk), Run(), Column("good", "bad", held=True)
    table = Table("small.csv", "CSV", {"text": texts})
    told = asyncio.create_task(all_of(run_of(events, table, run)))
    await texts.reached()
    assert await all_of(run_of(events, table, run)) == [NO_CHANGE]
    events.cancel(run)
    texts.let_go()
    assert "0 of 2 rows predicted" in said((await told)[-1])
    assert gateway.sizes == []
    assert "2 of 2 rows predicted" in said((await all_of(run_of(events, table, run)))[-1])


async def test_a_file_that_is_left_for_another_says_no_more_and_sends_no_more(
    desk: Desk, gateway: FakeGateway, tmp_path: Path
) -> None:
    events, old = FileEvents(desk), Run()
    told = run_of(events, LARGE, old)
    while "of 4,000 tweets predicted" not in said(await anext(told)) or not old.done:
        pass
    table, new = events.read(written(tmp_path), old)[:2]
    sent = sum(gateway.sizes)
    assert await all_of(told) == [NO_CHANGE]
    assert sum(gateway.sizes) - sent <= 4 * BATCH_ROWS, "what was under way"
    assert new is not old
    assert "3 of 3 rows predicted" in said((await all_of(run_of(events, table, new)))[-1])


async def test_a_second_press_while_a_file_is_predicted_does_nothing(desk: Desk) -> None:
    events, run = FileEvents(desk), Run()
    told = run_of(events, LARGE, run)
    await anext(told)
    assert await all_of(run_of(events, LARGE, run)) == [NO_CHANGE]
    run.cancelled = True
    assert "still wait" in said((await all_of(told))[-1])


async def test_a_file_that_waits_for_those_of_others_says_so_and_can_be_stopped(desk: Desk) -> None:
    events, mine = FileEvents(desk, Turns(1)), Run()
    others = run_of(events, LARGE, Run())
    await anext(others)
    waits = run_of(events, SMALL, mine)
    assert "1 file of other readers has to end before this one begins" in said(await anext(waits))
    events.cancel(mine)
    assert "0 of 2 rows predicted" in said((await all_of(waits))[-1])


async def test_a_file_that_is_left_while_it_waits_for_those_of_others_says_no_more(desk: Desk, tmp_path: Path) -> None:
    events, mine = FileEvents(desk, Turns(1)), Run()
    others = run_of(events, LARGE, Run())
    await anext(others)
    waits = run_of(events, SMALL, mine)
    await anext(waits)
    events.read(written(tmp_path), mine)
    assert await all_of(waits) == [NO_CHANGE]


def written(folder: Path) -> str:
    """The path of another file, with three tweets."""
    path = folder / "another.csv"
    path.write_text("text\ngood\nbad\nlate\n")
    return str(path)
