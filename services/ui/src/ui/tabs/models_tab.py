"""The families compared, and how good the one is that serves."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.desk import QUIET, Desk
from ui.gateway import Trouble
from ui.looks import Looks
from ui.models import COMPARED, QUALITY, look


def build(desk: Desk) -> gr.Radio:
    """The tab; gives its choice of a family."""
    t, do = desk.texts, ModelEvents(desk)
    with gr.Tab(t("models.tab"), elem_id="tab-models"):
        notice = desk.html(elem_id="models-notice")
        table = desk.html(desk.pen().write("loading"), elem_id="models-table")
        family = gr.Radio([], label=t("models.card"), info=t("page.loading"), elem_id="models-family")
        card = desk.html(elem_id="models-card")
        looks, ticks = gr.State(Looks()), gr.Timer(desk.refresh_seconds)
    inputs, outputs = [family, desk.zone, looks], [notice, table, card]
    desk.opened.then(do.refresh, inputs, outputs, **QUIET)
    gr.on([family.change, ticks.tick], do.refresh, inputs, outputs, trigger_mode="always_last", **QUIET)
    return family


@dataclass(frozen=True, slots=True)
class ModelEvents:
    """What happens when; each gives the new values of the components that it is wired to."""

    desk: Desk

    async def refresh(self, family: str | None, zone: str, looks: Looks) -> tuple[Any, Any, Any]:
        """A notice, the table, the card; without an answer what was seen last stays."""
        pen, number = self.desk.pen(zone), looks.begin()
        try:
            seen = await look(self.desk.gateway, family)
        except Trouble as trouble:
            return pen.trouble(trouble) if looks.draws(number) else gr.skip(), gr.skip(), gr.skip()
        if not looks.draws(number):
            return gr.skip(), gr.skip(), gr.skip()
        table = pen.write("models_table", seen=seen, figures=COMPARED)
        return "", table, pen.write("models_card", seen=seen, figures=QUALITY)
