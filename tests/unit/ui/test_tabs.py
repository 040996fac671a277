"""What the tabs answer when the reader does what is rare, without a browser."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.support.gateways import FakeGateway
from ui.desk import QUIET, Desk
from ui.judging import Sheet
from ui.reading import Table
from ui.scoring import BATCH_ROWS, Run
from ui.tabs.file_tab import NO_CHANGE, FileEvents
from ui.tabs.predict_tab import PredictEvents
from ui.turns import Turns
from vigie.wording import texts_in

EN = texts_in("en")
LARGE = Table("large.csv", "CSV", {"text": ["bad"] * BATCH_ROWS * 8})
SMALL = Table("small.csv", "CSV", {"text": ["good", "bad"]})


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    async with FakeGateway() as running:
        yield running


@pytest.fixture
async def desk(gateway: FakeGateway) -> Desk:
    """With components that nobody looks at."""
    with gr.Blocks() as page:
        zone, annotator, key = gr.Textbox(), gr.Textbox(), gr.Textbox()
        opened = page.load(None, None, [zone], js="() => 'UTC'", **QUIET)
    return Desk(page, opened, gateway.client, EN, zone, annotator, key, 1.0)


def run_of(events: FileEvents, table: Table | None, run: Run) -> AsyncIterator[tuple[Any, ...]]:
    return events.run(table, "text", "logreg", run, "all", "")


def said(outputs: tuple[Any, ...]) -> str:
    return str(outputs[2])


async def test_a_vote_on_what_the_server_has_forgotten_says_to_load_the_page_again(desk: Desk) -> None:
    button = gr.EventData(None, {"action": "correct", "id": "1"})
    _, notice = await PredictEvents(desk).judge(button, Sheet(), "me", "UTC")
    assert "Load the page again" in notice


async def test_a_file_that_the_server_has_forgotten_says_to_load_the_page_again(desk: Desk) -> None:
    [outputs] = [outputs async for outputs in run_of(FileEvents(desk), None, Run())]
    assert "Load the page again" in said(outputs)


async def test_a_file_that_is_left_for_another_says_no_more_and_sends_no_more(
    desk: Desk, gateway: FakeGateway, tmp_path: Path
) -> None:
    events, old = FileEvents(desk), Run()
    path = tmp_path / "small.csv"
    path.write_text("text\ngood\nbad\n")
    told = run_of(events, LARGE, old)
    while "of 4,000 tweets predicted" not in said(await anext(told)) or not old.done:
        pass
    table, new = events.read(str(path), old)[:2]
    sent = sum(gateway.sizes)
    assert [outputs async for outputs in told] == [NO_CHANGE]
    assert sum(gateway.sizes) - sent <= 4 * BATCH_ROWS, "what was under way"
    assert new is not old
    last = [outputs async for outputs in run_of(events, table, new)][-1]
    assert "2 of 2 rows predicted" in said(last)


async def test_a_second_press_while_a_file_is_predicted_does_nothing(desk: Desk) -> None:
    events, run = FileEvents(desk), Run()
    told = run_of(events, LARGE, run)
    await anext(told)
    assert [outputs async for outputs in run_of(events, LARGE, run)] == [NO_CHANGE]
    run.cancelled = True
    async for outputs in told:
        last = outputs
    assert "still wait" in said(last)


async def test_a_file_that_waits_for_those_of_others_says_so_and_can_be_stopped(desk: Desk) -> None:
    events, mine = FileEvents(desk, Turns(1)), Run()
    others = run_of(events, LARGE, Run())
    await anext(others)
    waits = run_of(events, SMALL, mine)
    assert "1 file of other readers has to end before this one begins" in said(await anext(waits))
    events.cancel(mine)
    assert "0 of 2 rows predicted" in said([outputs async for outputs in waits][-1])
