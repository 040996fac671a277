"""The page in one language: the header, the tabs, what is known of the reader."""

import gradio as gr

from ui.desk import EVENTS_AT_ONCE, QUIET, Desk
from ui.families import keep_current
from ui.gateway import Gateway
from ui.rendering import Pen
from ui.tabs import alerts_tab, file_tab, live_tab, models_tab, predict_tab
from vigie.wording import LANGUAGES, Texts

# The zone, and one name for a browser, so that people do not overwrite each other's votes.
_KNOWN = """() => {
  const bytes = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0"));
  localStorage["vigie-annotator"] ??= "page-" + bytes.join("");
  return [Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", localStorage["vigie-annotator"]];
}"""


def build_page(gateway: Gateway, texts: Texts, *, refresh_seconds: float) -> gr.Blocks:
    """Everything that a reader of that language sees."""
    page = gr.Blocks(title=texts("page.title"), analytics_enabled=False, fill_width=True, delete_cache=(3600, 4 * 3600))
    with page:
        gr.HTML(Pen(texts).write("header", languages=LANGUAGES), elem_id="header", apply_default_css=False)
        zone, annotator = gr.Textbox("UTC", visible=False), gr.Textbox("", visible=False)
        opened = page.load(None, None, [zone, annotator], js=_KNOWN, **QUIET)
        key = alerts_tab.key_field(texts)
        desk = Desk(page, opened, gateway, texts, zone, annotator, key, refresh_seconds)
        status = desk.html(elem_id="status")
        with gr.Tabs(elem_id="tabs"):
            radios = [predict_tab.build(desk), file_tab.build(desk)]
            live_tab.build(desk)
            alerts_tab.build(desk)
            radios.append(models_tab.build(desk))
        keep_current(desk, radios, status)
    page.queue(default_concurrency_limit=EVENTS_AT_ONCE)
    return page
