"""What the tabs answer when the reader does what is rare, without a browser."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any

import gradio as gr
import pytest

from tests.support.eventually import until
from tests.support.gateways import MADE, FakeGateway, fired
from ui.desk import Desk
from ui.families import Choices, FamilyEvents
from ui.judging import Sheet
from ui.looks import Looks
from ui.tabs.alerts_tab import AlertEvents
from ui.tabs.live_tab import LiveEvents
from ui.tabs.models_tab import ModelEvents
from ui.tabs.predict_tab import PredictEvents
from vigie.schemas import CountedMoment, CountedPart, PredictionCounts

COUNTED = CountedMoment(at=MADE, total=3, negative=1)
BAGS = PredictionCounts(
    step_minutes=15, moments=[COUNTED], models=[], topics=[CountedPart(name="bags", total=3, negative=1)]
)


def pressed(action: str, target: str) -> gr.EventData:
    return gr.EventData(None, {"action": action, "id": target})


async def test_a_vote_on_what_the_server_has_forgotten_says_to_load_the_page_again(desk: Desk) -> None:
    _, notice = await PredictEvents(desk).judge(pressed("correct", "p-bad"), Sheet(), "me", "UTC")
    assert "Load the page again" in notice


async def test_a_vote_hits_the_prediction_that_its_button_stands_on_and_none_of_a_later_sheet(
    desk: Desk, gateway: FakeGateway
) -> None:
    events = PredictEvents(desk)
    old, shown, _ = await events.ask("\0\nbad flight\nlate", None, "UTC", Sheet())
    assert 'data-id="p-late"' in shown
    await events.judge(pressed("correct", "p-late"), old, "me", "UTC")
    new = (await events.ask("lovely\ncrew\nbad food", None, "UTC", old))[0]
    _, notice = await events.judge(pressed("correct", "p-late"), new, "me", "UTC")
    assert "Load the page again" in notice
    assert [vote.prediction_id for vote in gateway.votes] == ["p-late"]


async def test_a_vote_that_is_answered_after_a_new_prediction_is_kept_and_leaves_what_is_shown_alone(
    desk: Desk, gateway: FakeGateway
) -> None:
    events = PredictEvents(desk)
    old = (await events.ask("bad flight\nlate", None, "UTC", Sheet()))[0]
    gateway.votes_held, gateway.lost = True, {"p-late"}
    votes = [
        asyncio.create_task(events.judge(pressed("correct", f"p-{text}"), old, "me", "UTC"))
        for text in ("bad flight", "late")
    ]
    await until(lambda: gateway.votes)
    new, shown, notice = await events.ask("lovely crew", None, "UTC", old)
    assert (len(new.tweets), "lovely crew" in shown, notice) == (1, True, "")
    gateway.votes_held = False
    assert await votes[0] == (gr.skip(), gr.skip())
    view, trouble = await votes[1]
    assert (view, "does not know this" in trouble) == (gr.skip(), True)
    assert [vote.prediction_id for vote in gateway.votes] == ["p-bad flight", "p-late"]


async def test_a_second_click_that_waited_for_the_same_answer_leaves_it_and_a_later_one_asks_again(
    desk: Desk, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.tabs.predict_tab.AGAIN_SECONDS", 60.0)
    events = PredictEvents(desk)
    sheet = (await events.ask("bad flight", None, "UTC", Sheet()))[0]
    assert await events.ask("bad flight", None, "UTC", sheet) == (gr.skip(), gr.skip(), "")
    assert not sheet.left
    monkeypatch.setattr("ui.tabs.predict_tab.AGAIN_SECONDS", 0.0)
    await events.ask("bad flight", None, "UTC", sheet)
    assert sheet.left
    assert len(gateway.sizes) == 2


async def test_a_prediction_that_fails_leaves_the_sheet_before_where_it_is(desk: Desk, gateway: FakeGateway) -> None:
    events = PredictEvents(desk)
    sheet = (await events.ask("bad flight", None, "UTC", Sheet()))[0]
    gateway.refuse[:] = [503]
    assert (await events.ask("lovely crew", None, "UTC", sheet))[0] == gr.skip()
    view, _ = await events.judge(pressed("correct", "p-bad flight"), sheet, "me", "UTC")
    assert "the prediction is right" in view


@pytest.mark.parametrize("topic", ["", "bags", "delays"])
async def test_topics_are_offered_with_the_one_asked_for_and_none_is_chosen_for_the_reader(
    desk: Desk, gateway: FakeGateway, topic: str
) -> None:
    gateway.counts = BAGS
    offered = (await LiveEvents(desk).refresh("6", topic, "UTC", "", Looks()))[2]
    assert list(offered.constructor_args) == ["choices"]
    assert [name for _, name in offered.choices] == ["", "bags", *([topic] if topic == "delays" else [])]


async def test_a_family_stays_chosen_as_long_as_it_is_offered(desk: Desk) -> None:
    _, _, *radios = await FamilyEvents(desk, 3).look(Choices(), "lstm", None, "gone")
    assert [radio.constructor_args.get("value", "kept") for radio in radios] == ["kept", "logreg", "logreg"]


Look = Callable[[Desk, Looks], Coroutine[Any, Any, Any]]
LOOKS: dict[str, Look] = {
    "/predictions/counts": lambda desk, looks: LiveEvents(desk).refresh("6", "", "UTC", "", looks),
    "/models": lambda desk, looks: ModelEvents(desk).refresh(None, "UTC", looks),
    "/alerts": lambda desk, looks: AlertEvents(desk).refresh("", "UTC", looks, shut=False),
}


@pytest.mark.parametrize("path", LOOKS)
async def test_an_answer_that_comes_after_that_to_a_later_look_is_not_drawn(
    desk: Desk, gateway: FakeGateway, path: str
) -> None:
    gateway.counts, free, looks = BAGS, Event(), Looks()
    gateway.late[path] = free
    late = asyncio.create_task(LOOKS[path](desk, looks))
    await until(lambda: path not in gateway.late)
    assert gr.skip() not in await LOOKS[path](desk, looks)
    free.set()
    assert list(await late) == [gr.skip()] * 3
    assert gr.skip() not in await LOOKS[path](desk, looks)


async def test_what_was_pressed_stays_shown_when_an_earlier_look_is_answered_late(
    desk: Desk, gateway: FakeGateway
) -> None:
    gateway.alerts[:] = [fired("first")]
    events, free, looks = AlertEvents(desk), Event(), Looks()
    gateway.late["/alerts"] = free
    late = asyncio.create_task(events.refresh("", "UTC", looks, shut=False))
    await until(lambda: "/alerts" not in gateway.late)
    said, _, view, _ = await events.act(pressed("false", "first"), "", "UTC", looks)
    assert ("a false alarm" in said, "Called a false alarm" in view) == (True, True)
    free.set()
    assert await late == [gr.skip()] * 3
