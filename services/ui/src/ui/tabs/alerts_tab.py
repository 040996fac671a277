"""Alerts: how each scope stands, what fired and why, silences, false alarms, a test mail; for those with the key."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.alarms import AlertDesk
from ui.desk import PRESSED, QUIET, Desk
from ui.gateway import Trouble
from ui.looks import Looks
from ui.rendering import Pen
from vigie.wording import Texts

REFUSED = ("unauthorized", "forbidden")


def key_field(t: Texts) -> gr.Textbox:
    """Where a reader enters an admin key; other tabs show more with it, so it is made before them."""
    return gr.Textbox(
        "", label=t("alerts.key"), info=t("alerts.key_info"), type="password", elem_id="alerts-key", render=False
    )


def build(desk: Desk) -> None:
    """The tab."""
    t, do, key = desk.texts, AlertEvents(desk), desk.key
    with gr.Tab(t("alerts.tab"), elem_id="tab-alerts"):
        notice = desk.html(elem_id="alerts-notice")
        with gr.Column(elem_id="alerts-door"):  # hidden by the style sheet while there is a view
            key.render()  # type: ignore[no-untyped-call]
            enter = gr.Button(t("alerts.enter"), variant="primary", elem_id="alerts-enter")
        said = desk.html(elem_id="alerts-said")
        view = desk.html(elem_id="alerts-view", actions=True)
        shut, looks, ticks = gr.State(value=False), gr.State(Looks()), gr.Timer(desk.refresh_seconds)
    inputs, outputs = [key, desk.zone, looks], [notice, view, shut]
    desk.opened.then(do.enter, inputs, outputs, **QUIET)
    gr.on([key.submit, enter.click], do.enter, inputs, outputs, trigger_mode="always_last", **QUIET)
    ticks.tick(do.refresh, [*inputs, shut], outputs, **QUIET)
    view.click(do.act, inputs, [said, *outputs], **PRESSED)


@dataclass(frozen=True, slots=True)
class AlertEvents:
    """What happens when; each gives the new values of the components that it is wired to."""

    desk: Desk

    async def enter(self, key: str, zone: str, looks: Looks) -> list[Any]:
        """A notice, the view, and whether the key is too weak for it."""
        number = looks.begin()
        seen = await self._seen(key, self.desk.pen(zone))
        return seen if looks.draws(number) else [gr.skip()] * 3

    async def refresh(self, key: str, zone: str, looks: Looks, shut: bool) -> list[Any]:
        """The same, unless the key was refused before: asking again would change nothing."""
        return [gr.skip()] * 3 if shut else await self.enter(key, zone, looks)

    async def act(self, event: gr.EventData, key: str, zone: str, looks: Looks) -> list[Any]:
        """Does what the button says: what came of it, then as `enter`."""
        pen = self.desk.pen(zone)
        try:
            said = await self._done(AlertDesk(self.desk.gateway, key), event.action, event.id, pen)
        except Trouble as trouble:
            said = pen.trouble(trouble)
        return [said, *await self.enter(key, zone, looks)]

    async def _seen(self, key: str, pen: Pen) -> list[Any]:
        t = self.desk.texts
        try:
            alarms = await AlertDesk(self.desk.gateway, key).look()
        except Trouble as trouble:
            if trouble.code not in REFUSED:
                return [pen.trouble(trouble), gr.skip(), gr.skip()]
            refused = pen.notice(t("alerts.refused")) if key else pen.notice(t("alerts.closed"), kind="info")
            return [refused, "", True]
        return ["", pen.write("alerts", alarms=alarms), False]

    async def _done(self, alerts: AlertDesk, action: str, target: str, pen: Pen) -> str:
        t = self.desk.texts
        match action:
            case "end":
                left = await alerts.end(target)
                said = t("alerts.said.covered", until=t.moment(left.until, pen.zone)) if left else t("alerts.said.end")
                return pen.notice(said, kind="info")
            case "false":
                await alerts.call_false(target)
                return pen.notice(t("alerts.said.false"), kind="info")
            case "test":
                result = await alerts.test_mail()
                replies = "\n".join(f"{recipient}: {reply}" for recipient, reply in result.replies.items())
                accepted = t("alerts.said.test" if result.accepted else "alerts.said.no_test")
                return pen.notice(accepted, kind="info" if result.accepted else "problem", detail=replies)
            case hours:
                silence = await alerts.silence(target, float(hours))
                return pen.notice(t("alerts.said.silence", until=t.moment(silence.until, pen.zone)), kind="info")
