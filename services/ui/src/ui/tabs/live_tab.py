"""What came in during the last hours; it looks again by itself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from ui.desk import QUIET, Desk
from ui.gateway import Trouble
from ui.live import SPANS, look
from ui.looks import Looks

NO_TOPIC = ""


def build(desk: Desk) -> None:
    """The tab."""
    t, do = desk.texts, LiveEvents(desk)
    with gr.Tab(t("live.tab"), elem_id="tab-live"):
        with gr.Row():
            spans = [(t(f"live.span.{span}"), span) for span in SPANS]
            span = gr.Radio(spans, value=next(iter(SPANS)), label=t("live.when"), elem_id="live-span")
            everything = [(t("live.everything"), NO_TOPIC)]
            topic = gr.Radio(everything, value=NO_TOPIC, label=t("live.topic"), elem_id="live-topic")
        notice = desk.html(elem_id="live-notice")
        view = desk.html(desk.pen().write("loading"), elem_id="live-view")
        looks, ticks = gr.State(Looks()), gr.Timer(desk.refresh_seconds)
    inputs, outputs = [span, topic, desk.zone, desk.key, looks], [notice, view, topic]
    # A topic may be chosen that the answer on its way offers no more: Gradio would refuse it from then on.
    raw: dict[str, Any] = QUIET | {"preprocess": False}
    desk.opened.then(do.refresh, inputs, outputs, **raw)
    gr.on([span.change, topic.input, ticks.tick], do.refresh, inputs, outputs, trigger_mode="always_last", **raw)


@dataclass(frozen=True, slots=True)
class LiveEvents:
    """What happens when; each gives the new values of the components that it is wired to."""

    desk: Desk

    async def refresh(self, span: str, topic: str, zone: str, key: str, looks: Looks) -> tuple[Any, Any, Any]:
        """A notice, the view, the topics to choose from; without an answer what was seen last stays.

        Which of them is chosen is left to the reader, who may have gone on to another meanwhile.
        """
        pen, t = self.desk.pen(zone), self.desk.texts
        number = looks.begin()
        try:
            live = await look(self.desk.gateway, span, topic, datetime.now(UTC), key=key.strip() or None)
        except Trouble as trouble:
            return pen.trouble(trouble) if looks.draws(number) else gr.skip(), gr.skip(), gr.skip()
        if not looks.draws(number):
            return gr.skip(), gr.skip(), gr.skip()
        names = [part.name for part in live.topics]
        names += [topic] if topic and topic not in names else []
        choices = [(t("live.everything"), NO_TOPIC), *((name, name) for name in names)]
        return "", pen.write("live", live=live, topic=topic), gr.Radio(choices)
