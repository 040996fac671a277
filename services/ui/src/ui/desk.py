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

        A double click is one of them. A button that has the focus keeps it when they are written anew, or else what has
        its `data-id` gets it; `data-focus` says where it goes instead.
        """
        script = ACTIONS if actions else None
        return gr.HTML(value, elem_id=elem_id, apply_default_css=False, js_on_load=script)


ACTIONS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button && event.detail < 2) trigger("click", {action: button.dataset.action, id: button.dataset.id});
});
// A new value is written over the nodes of the old one: the button that has the focus becomes another, or goes.
let aimed = null;
element.addEventListener("focusin", ({target}) => {
  const button = target.closest("[data-action]");
  aimed = button && {action: button.dataset.action, id: button.dataset.id};
});
element.addEventListener("focusout", ({target}) => {
  const left = aimed;
  queueMicrotask(() => {  // not when it was taken off the page, nor when the reader is in another window for a while
    if (aimed === left && target.isConnected && target !== document.activeElement) aimed = null;
  });
});
const successor = (at) => {
  const same = ({dataset}) => dataset.action === aimed.action && dataset.id === aimed.id;
  if (!aimed || same(at)) return null;
  const places = [...element.querySelectorAll("[data-id]")].filter(({dataset}) => dataset.id === aimed.id);
  return places.find(same) ?? places.find(({dataset}) => dataset.action) ?? places[0] ?? element;
};
watch("value", () => {
  const at = document.activeElement ?? document.body;
  if (at !== document.body && !element.contains(at)) return;  // gone on to type or to press something else
  const asked = element.querySelector("[data-focus]"), next = asked ?? successor(at);
  if (next === element) element.tabIndex = -1;
  next?.focus({preventScroll: !asked});  // the reader may have scrolled on since
});
"""
