"""The choice of a model family, in every tab that predicts: always as the gateway knows it now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.desk import QUIET, Desk
from ui.gateway import Trouble
from vigie.model_status import ModelList, ModelStatus
from vigie.wording import Texts

Choices = list[tuple[str, str]]


def keep_current(desk: Desk, radios: Sequence[gr.Radio], status: gr.HTML) -> None:
    """Looks at the gateway when the page opens and every now and then; `status` says when it does not answer."""
    do, known = FamilyEvents(desk, len(radios)), gr.State(Choices())
    moments = [desk.page.load, gr.Timer(desk.refresh_seconds).tick]
    gr.on(moments, do.look, [known, *radios], [status, known, *radios], **QUIET)


@dataclass(frozen=True, slots=True)
class FamilyEvents:
    """What happens when; `radios` is how many there are."""

    desk: Desk
    radios: int

    async def look(self, before: Choices, *chosen: str | None) -> list[Any]:
        """A notice, the choices, and each radio, where something changed.

        What is chosen stays where it can: the reader may have gone on to another meanwhile.
        """
        keep = [gr.skip()] * self.radios
        try:
            models = await self.desk.gateway.get("/models", ModelList)
        except Trouble as trouble:
            return [self.desk.pen().trouble(trouble), gr.skip(), *keep]
        choices = [(label_of(model, self.desk.texts), model.name) for model in models.models]
        if choices == before:
            return ["", gr.skip(), *keep]
        offered = [model.name for model in models.models]
        kept, default = gr.Radio(choices, info=""), gr.Radio(choices, value=models.default, info="")
        return ["", choices, *(kept if mine in offered else default for mine in chosen)]


def label_of(model: ModelStatus, t: Texts) -> str:
    """A family in a line: what it is, which version, whether it can answer."""
    state = t("predict.ready", version=model.version) if model.ready else t("predict.not_ready")
    return f"{model.name} · {model.title} · {state}"
