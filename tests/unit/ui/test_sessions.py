"""The state of an open page after its connection broke."""

from datetime import timedelta

import gradio as gr
import httpx
import pytest
from gradio.state_holder import SessionState, StateHolder
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ui.own_page import OwnPageOnly
from ui.sessions import keep_alive

JOIN = "/en/gradio_api/queue/join"


class OpenPage:
    """A page with one state, and a session whose connection broke."""

    def __init__(self) -> None:
        with gr.Blocks() as self.blocks:
            self.state = gr.State("nothing")
        self.holder = StateHolder()  # type: ignore[no-untyped-call]
        self.holder.set_blocks(self.blocks)
        self.session: SessionState = self.holder["open"]
        self.session[self.state._id] = "what is shown"
        self.session.is_closed = True

    def grow_older(self) -> None:
        """Half an hour and a little more passes, then Gradio clears up."""
        lives, since = self.session._state_ttl[self.state._id]
        self.session._state_ttl[self.state._id] = (lives, since - timedelta(minutes=31))
        self.holder.delete_all_expired_state()  # type: ignore[no-untyped-call]

    @property
    def kept(self) -> str:
        """What a handler would get."""
        return str(self.session[self.state._id])


async def test_a_page_that_asks_again_keeps_its_state_and_one_that_is_gone_does_not() -> None:
    page = OpenPage()
    for _ in range(4):
        page.grow_older()
        assert page.kept == "what is shown"
        keep_alive([page.blocks], "open")
        keep_alive([page.blocks], "another")
    page.grow_older()
    page.grow_older()
    assert page.kept == "nothing"


@pytest.mark.parametrize(("session", "kept"), [("open", "what is shown"), ("another", "nothing")])
async def test_a_session_is_seen_when_its_page_asks(session: str, kept: str) -> None:
    page = OpenPage()
    inner = Starlette(routes=[Route(JOIN, lambda _: Response(), methods=["POST"])])
    own = OwnPageOnly(inner, {1}, lambda asking: keep_alive([page.blocks], asking))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(own), base_url="http://page") as client:
        page.grow_older()
        (await client.post(JOIN, json={"fn_index": 1, "session_hash": session})).raise_for_status()
        page.grow_older()
    assert page.kept == kept
