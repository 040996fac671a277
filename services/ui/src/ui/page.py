"""The page in one language: the header, the tabs, what is known of the reader."""

import uuid

import gradio as gr

from ui.desk import QUIET, Desk
from ui.families import keep_current
from ui.gateway import Gateway
from ui.rendering import Pen
from ui.tabs import file_tab, predict_tab
from ui.wording import LANGUAGES, Texts

_ZONE = "(_) => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'"


def build_page(gateway: Gateway, texts: Texts, *, refresh_seconds: float) -> gr.Blocks:
    """Everything that a reader of that language sees."""
    page = gr.Blocks(title=texts("page.title"), analytics_enabled=False, fill_width=True, delete_cache=(3600, 4 * 3600))
    with page:
        gr.HTML(Pen(texts).write("header", languages=LANGUAGES), elem_id="header", apply_default_css=False)
        desk = Desk(
            page,
            gateway,
            texts,
            zone=gr.State("UTC"),
            annotator=gr.BrowserState("", storage_key="vigie-annotator"),
            refresh_seconds=refresh_seconds,
        )
        status = desk.html(elem_id="status")
        with gr.Tabs(elem_id="tabs"):
            radios = [predict_tab.build(desk), file_tab.build(desk)]
        keep_current(desk, radios, status)
        page.load(_as_it_is, desk.zone, desk.zone, js=_ZONE, **QUIET)
        page.load(_known_or_new, desk.annotator, desk.annotator, **QUIET)
    return page


def _as_it_is(zone: str) -> str:
    return zone


def _known_or_new(annotator: str) -> str:
    """One name for a browser, so that people do not overwrite each other's votes."""
    return annotator or f"page-{uuid.uuid4().hex[:12]}"
