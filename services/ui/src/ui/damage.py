"""Traces that a spreadsheet leaves in a file of tweets, and what they mean for the result."""

import re
from dataclasses import dataclass
from typing import Literal

from ui.reading import Table

Kind = Literal["rounded_ids", "serial_dates", "formulas", "lost_texts", "garbled"]

_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2}")
_LOST_DIGITS = re.compile(r"\d{12,17}0{3,}")
_SERIAL = re.compile(r"[34]\d{4}(?:[.,]\d+)?|5[0-4]\d{3}(?:[.,]\d+)?")
_LOST = re.compile(r"#(?:NAME|NOM|REF|VALUE|VALEUR|N/A)[?!]?")
_FORMULA = re.compile(r"=[@A-Za-z(+-]")
_GARBLED = re.compile(r"Ã[©¨ª«®¯´¹»¼ ]|â€[™œ¦\u009d]|ðŸ")
_DATE_NAMES = re.compile(r"date|time|heure|created|posted|jour|_at$", re.IGNORECASE)
_ID_NAMES = re.compile(r"(?:^|_|\b)id(?:_|\b|s?$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Damage:
    """`count` values of a column, one of them as an example."""

    kind: Kind
    column: str
    count: int
    example: str


def find_damage(table: Table, text_column: str) -> list[Damage]:
    """Everything suspicious, in the order of the columns."""
    found: list[Damage] = []
    for column, values in table.columns.items():
        if column == text_column:
            checks: list[tuple[Kind, re.Pattern[str], bool]] = [
                ("lost_texts", _LOST, True),
                ("formulas", _FORMULA, False),
                ("garbled", _GARBLED, False),
            ]
            found += [damage for check in checks if (damage := _count(column, values, *check))]
        elif damage := _rounded(column, values) or _serial(column, values):
            found.append(damage)
    return found


def _rounded(column: str, values: list[str]) -> Damage | None:
    exponents = _count(column, values, "rounded_ids", _ROUNDED, True)
    if exponents or not _ID_NAMES.search(column):
        return exponents
    zeros = _count(column, values, "rounded_ids", _LOST_DIGITS, True)
    return zeros if zeros and zeros.count > len(values) / 2 else None


def _serial(column: str, values: list[str]) -> Damage | None:
    found = _count(column, values, "serial_dates", _SERIAL, True) if _DATE_NAMES.search(column) else None
    return found if found and found.count > len(values) / 2 else None


def _count(column: str, values: list[str], kind: Kind, pattern: re.Pattern[str], whole: bool) -> Damage | None:
    test = pattern.fullmatch if whole else pattern.search if kind == "garbled" else pattern.match
    hits = [value for value in values if test(value.strip())]
    return Damage(kind, column, len(hits), hits[0][:80]) if hits else None
