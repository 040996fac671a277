"""What the server keeps of an open page must last as long as the page is open."""

from collections.abc import Iterable

import gradio as gr


def keep_alive(pages: Iterable[gr.Blocks], session: str) -> None:
    """Keeps what a session that asks has for another hour.

    Gradio calls a session closed when its connection breaks, for good, and an hour later forgets its state although the
    page is open still. To set a state again is its only way to begin that hour anew.
    """
    for page in pages:
        held = page.state_holder.session_data.get(session)
        if held is not None and held.is_closed:
            for component, value in list(held.state_data.items()):
                held[component] = value
