"""What the events of a tab work with, for the tests of the tabs."""

from collections.abc import AsyncIterator

import gradio as gr
import pytest

from tests.support.gateways import FakeGateway
from ui.desk import QUIET, Desk
from vigie.wording import texts_in


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """What the page talks to."""
    async with FakeGateway() as running:
        yield running


@pytest.fixture
async def desk(gateway: FakeGateway) -> Desk:
    """With components that nobody looks at."""
    with gr.Blocks() as page:
        zone, annotator, key = gr.Textbox(), gr.Textbox(), gr.Textbox()
        opened = page.load(None, None, [zone], js="() => 'UTC'", **QUIET)
    return Desk(page, opened, gateway.client, texts_in("en"), zone, annotator, key, 1.0)
