"""The catalogue of what people read, on the page, of errors and in mails: a file for each language, same keys."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")

_SPACE = "\u202f"  # narrow, and no line breaks there


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language; call it with a key and what fills the places in braces."""

    language: Language
    entries: dict[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """Raises `KeyError` for a key or a value that is not there."""
        return self.entries[key].format(**values) if values else self.entries[key]

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self.entries

    def count(self, key: str, number: int, /, **values: object) -> str:
        """`key.one` or `key.other`, with `{count}`. French counts 0 as one."""
        one = number <= 1 if self.language == "fr" else number == 1
        return self(f"{key}.{'one' if one else 'other'}", count=self.number(number), **values)

    def number(self, value: float, digits: int = 0) -> str:
        """`12 345,6` in French, `12,345.6` in English."""
        shown = f"{value:,.{digits}f}"
        return shown if self.language == "en" else shown.replace(",", _SPACE).replace(".", ",")

    def percent(self, share: float, digits: int = 0) -> str:
        """`93 %` in French, `93%` in English."""
        return f"{self.number(100 * share, digits)}{_SPACE if self.language == 'fr' else ''}%"

    def moment(self, moment: datetime, zone: tzinfo) -> str:
        """Date and time at the reader's, and the time in UTC where that differs."""
        pattern = "%d/%m/%Y %H:%M:%S" if self.language == "fr" else "%Y-%m-%d %H:%M:%S"
        local, utc = moment.astimezone(zone), moment.astimezone(UTC)
        if local.utcoffset() == utc.utcoffset():
            return f"{utc.strftime(pattern)} UTC"
        day = "%d/%m " if self.language == "fr" else "%m-%d "
        short = "%H:%M" if local.date() == utc.date() else f"{day}%H:%M"
        return f"{local.strftime(pattern)} ({utc.strftime(short)} UTC)"


@cache
def texts_in(language: Language) -> Texts:
    """The texts of that language."""
    content = files("vigie").joinpath("texts", f"{language}.toml").read_text("utf-8")
    return Texts(language, _flat(tomllib.loads(content)))


def zone_of(name: str) -> ZoneInfo:
    """The reader's time zone as the browser names it; UTC for one that is not known."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
