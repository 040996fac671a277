"""What every tab of the page works with."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.gateway import Gateway
from ui.rendering import Pen
from vigie.wording import Texts, zone_of

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
PRESSED: dict[str, Any] = QUIET | {"trigger_mode": "multiple"}
"""For buttons of which another may be pressed meanwhile: by default a click during another one is dropped."""
EVENTS_AT_ONCE = 16
"""Of each kind, for all readers of a language together: Gradio's own limit of one would make them wait in line."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One page in one language. `zone` (the reader's, an IANA name) and `annotator` are known to the browser.

    `opened` is the moment when both are known; `key` is an admin key that the reader may have entered.
    """

    page: gr.Blocks
    opened: gr.events.Dependency
    gateway: Gateway
    texts: Texts
    zone: gr.Textbox
    annotator: gr.Textbox
    key: gr.Textbox
    refresh_seconds: float

    def pen(self, zone: str = "UTC") -> Pen:
        """Writes for the reader in that zone."""
        return Pen(self.texts, zone_of(zone))

    def html(self, value: str = "", *, elem_id: str, actions: bool = False) -> gr.HTML:
        """A piece of the page that handlers write; with `actions` its `data-action` buttons are click events.

        A double click is one of them.
        """
        script = ACTIONS if actions else None
        return gr.HTML(value, elem_id=elem_id, apply_default_css=False, js_on_load=script)


ACTIONS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button && event.detail < 2) trigger("click", {action: button.dataset.action, id: button.dataset.id});
});
watch("value", () => {
  const next = element.querySelector("[data-focus]");
  const at = document.activeElement;  // whoever has gone on to type or to press something else stays there
  if (next && (!at || at === document.body || element.contains(at))) next.focus();
});
"""
