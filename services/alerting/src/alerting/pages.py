"""The pages behind the signed links of mails: one asks, the other tells what was done."""

from collections.abc import Sequence
from hashlib import blake2b
from html import escape

from alerting.links import Action, ActionBook
from alerting.silences import SilenceBook
from alerting.store import Clock
from vigie.alerts import SilenceRequest
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


class ActionPages:
    """Reads a link's token, shows its page, does what it says when the button was pressed."""

    def __init__(self, book: ActionBook, silences: SilenceBook, now_ms: Clock) -> None:
        self._book = book
        self._silences = silences
        self._now_ms = now_ms

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


def _meaning(action: Action) -> list[str]:
    if action.kind == "false-alarm":
        return _in_both("mail.link.ask_false", key=action.alert_key[:12])
    return _in_both("mail.link.ask_silence", rule=action.rule, scope=action.scope, hours=action.hours)


def _in_both(key: str, /, **values: object) -> list[str]:
    return [texts_in(language)(key, **values) for language in LANGUAGES]


def _paragraphs(lines: Sequence[str]) -> str:
    french, english = map(escape, lines)
    return f'<h1 style="font-size:20px">{french}</h1><p lang="en" style="color:#52606d">{english}</p>'
