"""What the tabs answer when the reader does what is rare, without a browser."""

import gradio as gr

from ui.desk import Desk
from ui.judging import Sheet
from ui.tabs.predict_tab import PredictEvents


async def test_a_vote_on_what_the_server_has_forgotten_says_to_load_the_page_again(desk: Desk) -> None:
    button = gr.EventData(None, {"action": "correct", "id": "1"})
    _, notice = await PredictEvents(desk).judge(button, Sheet(), "me", "UTC")
    assert "Load the page again" in notice
