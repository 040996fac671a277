"""From what is known to HTML: templates that escape everything, in one language, for one reader."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ui.gateway import Trouble
from vigie.wording import Texts

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes HTML for a reader of one language in one zone."""

    texts: Texts
    zone: ZoneInfo = UTC

    def write(self, template: str, **values: object) -> str:
        """The template `<template>.html` with `t` (the texts) and `when` (moments) at hand."""
        return _templates().get_template(f"{template}.html").render(t=self.texts, when=self.when, **values)

    def when(self, moment: datetime) -> Markup:
        """A `<time>` element."""
        return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), self.texts.moment(moment, self.zone))

    def trouble(self, trouble: Trouble) -> str:
        """A box that says what happened and what to do."""
        return self.notice(self.sentence(trouble), detail=trouble.detail)

    def sentence(self, trouble: Trouble) -> str:
        """What happened and what to do, in plain words."""
        key = f"trouble.{trouble.code}"
        if not self.texts.has(key):
            return self.texts("trouble.other", code=trouble.code)
        return self.texts(key, seconds=self.texts.number(trouble.retry_after or 2))

    def notice(self, message: str, *, kind: str = "problem", detail: str = "") -> str:
        """A box with a message; `kind` is `problem` or `info`."""
        return self.write("notice", message=message, kind=kind, detail=detail)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("ui"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
