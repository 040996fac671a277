"""One tweet, or many lines: what the models say, why, and what the reader says to that."""

from dataclasses import dataclass
from json import dumps
from time import monotonic
from typing import Any

import gradio as gr

from ui.desk import PRESSED, QUIET, Desk
from ui.gateway import Trouble
from ui.judging import MOST_LINES, Sheet, Tweet, lines_of, predict, undo, vote
from vigie.schemas import Verdict

AGAIN_SECONDS = 2.0

# In the browser alone: a round trip would put what was kept over what was typed meanwhile.
_KEEP = "(typed) => { localStorage.setItem('vigie-tweets', typed); return []; }"
_ADD = "(typed) => typed.trim() ? typed.trimEnd() + '\\n' + EXAMPLES : EXAMPLES"
_KEPT = "(typed) => typed || localStorage.getItem('vigie-tweets') || ''"


def build(desk: Desk) -> gr.Radio:
    """The tab; gives its choice of a family."""
    t, do = desk.texts, PredictEvents(desk)
    with gr.Tab(t("predict.tab"), elem_id="tab-predict"), gr.Row():
        sheet = gr.State(Sheet())
        with gr.Column(scale=2, min_width=320):
            text = gr.Textbox(
                label=t("predict.label"), placeholder=t("predict.placeholder"), lines=6, max_lines=14, elem_id="tweets"
            )
            family = gr.Radio([], label=t("predict.family"), info=t("page.loading"), elem_id="family")
            with gr.Row():
                go = gr.Button(t("predict.go"), variant="primary", scale=2, min_width=160, elem_id="predict")
                examples = gr.Button(t("predict.examples"), scale=1, min_width=120, elem_id="examples")
        with gr.Column(scale=3, min_width=320):
            notice = desk.html(elem_id="predict-notice")
            result = desk.html(desk.pen().write("tweets", tweets=[], touched=None), elem_id="result", actions=True)
    # What is typed while an answer is on its way can be asked for: Gradio drops a second click unless it may wait.
    busy: dict[str, Any] = QUIET | {"show_progress": "minimal", "show_progress_on": go, "trigger_mode": "always_last"}
    go.click(do.ask, [text, family, desk.zone, sheet], [sheet, result, notice], **busy)
    result.click(do.judge, [sheet, desk.annotator, desk.zone], [result, notice], **PRESSED)
    examples.click(None, text, text, js=_ADD.replace("EXAMPLES", dumps(t("predict.example_lines"))), **QUIET)
    text.change(None, text, None, js=_KEEP, **QUIET)
    desk.page.load(None, text, text, js=_KEPT, **QUIET)
    return family


@dataclass(frozen=True, slots=True)
class PredictEvents:
    """What happens when; each gives the new values of the components that it is wired to."""

    desk: Desk

    async def ask(self, pasted: str, chosen: str | None, zone: str, before: Sheet) -> tuple[Any, Any, str]:
        """Predicts what was typed: the sheet, how it looks, a notice. With a new sheet the one before is left.

        A second click that has waited for the same answer changes nothing.
        """
        if before.asked == (pasted, chosen) and monotonic() - before.made < AGAIN_SECONDS:
            return gr.skip(), gr.skip(), ""
        pen, lines, t = self.desk.pen(zone), lines_of(pasted), self.desk.texts
        if not lines:
            return gr.skip(), gr.skip(), pen.notice(t("predict.empty"))
        if len(lines) > MOST_LINES:
            return gr.skip(), gr.skip(), pen.notice(t("predict.many", lines=t.number(len(lines)), most=MOST_LINES))
        try:
            found = await predict(self.desk.gateway, lines, chosen, t)
        except Trouble as trouble:
            return gr.skip(), gr.skip(), pen.trouble(trouble)
        before.left = True
        return Sheet(found, asked=(pasted, chosen)), pen.write("tweets", tweets=found, touched=None), ""

    async def judge(self, event: gr.EventData, sheet: Sheet, annotator: str, zone: str) -> tuple[Any, Any]:
        """Sends a vote, or takes it back: how the sheet looks, a notice.

        Once another sheet is shown only trouble is told.
        """
        pen, place, shown = self.desk.pen(zone), sheet.place_of(event.id), sheet.tweets
        if place is None:
            return gr.skip(), pen.notice(self.desk.texts("page.forgotten"))
        async with sheet.turn:
            try:
                shown[place] = await self._judged(shown[place], event.action, annotator)
            except Trouble as trouble:
                return gr.skip(), pen.trouble(trouble)
            if sheet.left:
                return gr.skip(), gr.skip()
            return pen.write("tweets", tweets=shown, touched=event.id), ""

    async def _judged(self, tweet: Tweet, action: str, annotator: str) -> Tweet:
        match action:
            case "undo":
                return await undo(self.desk.gateway, tweet)
            case "unsure":
                return await vote(self.desk.gateway, tweet, Verdict.INCORRECT, annotator, unsure=True)
            case said:
                return await vote(self.desk.gateway, tweet, Verdict(said), annotator)
