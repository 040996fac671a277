"""The pages behind the signed links of mails: one asks, one tells what was done, one that the link is broken."""

from collections.abc import Sequence
from hashlib import blake2b
from html import escape

from alerting.links import Action, ActionBook
from alerting.silences import SilenceBook
from alerting.store import Clock
from vigie.alerts import SilenceRequest
from vigie.schemas import ANYTHING, EVERYTHING
from vigie.wording import LANGUAGES, texts_in

_PAGE = """<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Vigie</title></head>
<body style="margin:0;background:#f3f4f6;color:#1f2933;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Arial,sans-serif">
<main style="max-width:520px;margin:48px auto;padding:24px;background:#fff;border-radius:8px">
{body}</main></body></html>
"""
_BUTTON = (
    '<form method="post"><button type="submit" style="padding:12px 20px;border:0;border-radius:6px;background:#b42318;'
    'color:#fff;font-size:16px;cursor:pointer">{words}</button></form>'
)
_WAY = '<p><a href="{url}" style="color:#1d4ed8">{words}</a></p>'
_SCOPES = {EVERYTHING: "alerts.everything", ANYTHING: "alerts.anything"}


class ActionPages:
    """Reads a link's token, shows its page, does what it says when the button was pressed.

    `alerts_at` is where readers find the alerts, empty where that is not known.
    """

    def __init__(self, book: ActionBook, silences: SilenceBook, now_ms: Clock, *, alerts_at: str) -> None:
        self._book = book
        self._silences = silences
        self._now_ms = now_ms
        self._alerts_at = alerts_at

    def ask(self, token: str) -> str:
        """The page with the button; nothing happens. Raises `NotFound` for a link that is not ours or too old."""
        action = self._book.read(token, self._now_ms())
        button = _BUTTON.format(words=" / ".join(_in_both("mail.link.confirm")))
        return _PAGE.format(body=_paragraphs(_meaning(action)) + button)

    async def act(self, token: str) -> str:
        """Does it, and says so; the second time changes nothing that the first did not."""
        action = self._book.read(token, self._now_ms())
        if action.kind == "false-alarm":
            await self._silences.call_false(action.alert_key)
            done = _in_both("mail.link.false")
        else:
            wanted = SilenceRequest.model_validate(
                {"scope": action.scope, "rule": action.rule, "hours": action.hours, "reason": "link in a mail"}
            )
            silence = await self._silences.make_once(wanted, blake2b(token.encode(), digest_size=16).hexdigest())
            until = silence.until.strftime("%Y-%m-%d %H:%M UTC")
            done = _in_both("mail.link.silent", until=until)
        return _PAGE.format(body=_paragraphs(done))

    def broken(self) -> str:
        """The page of a link that does not work, with the way to the alerts."""
        words = " / ".join(_in_both("mail.link.alerts"))
        way = _WAY.format(url=escape(self._alerts_at), words=escape(words)) if self._alerts_at else ""
        return _PAGE.format(body=_paragraphs(_in_both("mail.link.broken")) + way)


def _meaning(action: Action) -> list[str]:
    if action.kind == "false-alarm":
        return _in_both("mail.link.ask_false", key=action.alert_key[:12])
    rule = f"alerts.rule.{'any' if action.rule == ANYTHING else action.rule}"
    scope = _SCOPES.get(action.scope)
    return [
        t("mail.link.ask_silence", rule=t(rule), scope=t(scope) if scope else action.scope, hours=action.hours)
        for t in map(texts_in, LANGUAGES)
    ]


def _in_both(key: str, /, **values: object) -> list[str]:
    return [texts_in(language)(key, **values) for language in LANGUAGES]


def _paragraphs(lines: Sequence[str]) -> str:
    french, english = map(escape, lines)
    return f'<h1 style="font-size:20px">{french}</h1><p lang="en" style="color:#52606d">{english}</p>'
