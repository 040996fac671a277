"""One catalogue of texts in two languages, for the page, errors and mails."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

import alerting
import ui
from tests.architecture.sources import ROOT
from vigie.wording import LANGUAGES, Language, texts_in, zone_of

SOURCES = [Path(next(iter(part.__path__))) for part in (ui, alerting)]
_NEVER_MET = {
    "unsupported_media_type",  # the page sends JSON
    "headers_too_large",  # and few headers
    "unknown_link",  # links of mails are opened beside the page
    "link_too_old",
}
MOMENT = datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC)


def places(text: str) -> set[str]:
    """Names of the places that are filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_language_has_the_same_keys_with_the_same_places_to_fill() -> None:
    french, english = (texts_in(language).entries for language in LANGUAGES)
    assert french.keys() == english.keys()
    assert {key: places(french[key]) for key in french} == {key: places(english[key]) for key in english}
    assert {key: text.count("\n") for key, text in french.items()} == {
        key: text.count("\n") for key, text in english.items()
    }
    assert [key for texts in (french, english) for key, text in texts.items() if not text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_a_gateway_is_told_in_plain_words(language: Language) -> None:
    found = (path for folder in ("shared/src", "services/*/src") for path in ROOT.glob(f"{folder}/**/*.py"))
    codes = {code for path in found for node in ast.walk(ast.parse(path.read_bytes())) for code in _codes(node)}
    met_for_long = {"internal_error", "queue_full", "unknown_model", "malformed_json", "text_empty", "text_has_nul"}
    assert met_for_long | _NEVER_MET < codes, "of each way to give one"
    assert {f"trouble.{code}" for code in codes - _NEVER_MET} - texts_in(language).entries.keys() == set()


def _codes(node: ast.AST) -> Iterator[str]:
    """Error codes that are given there: `code="…"` of a call or of a class, and texts' own."""
    match node:
        case ast.keyword(arg="code", value=given) | ast.Assign(targets=[ast.Name("code")], value=given):
            yield from _choices(given)
        case ast.Call(func=ast.Name("PydanticCustomError"), args=[ast.Constant(str(kind)), *_]):
            if kind.startswith("text_"):  # others become `invalid_request`
                yield kind


def _choices(given: ast.expr) -> Iterator[str]:
    """Each text that it may be, as far as it is written there."""
    match given:
        case ast.Constant(str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _choices(one)
            yield from _choices(other)


def test_every_text_that_is_asked_for_exists_and_every_text_is_asked_for() -> None:
    entries = texts_in("en").entries
    kinds = ("*.py", "*.html", "*.j2")
    found = (path for source in SOURCES for kind in kinds for path in source.rglob(kind))
    code = "\n".join(path.read_text("utf-8") for path in found)
    asked = set(re.findall(r"""\bt(?:exts)?\(\s*["']([a-z_.]+[a-z_])["']""", code))
    counted = set(re.findall(r"""\.count\(\s*["']([a-z_.]+)["']""", code))
    forms = {f"{key}.{form}" for key in counted for form in ("one", "other")}
    assert (asked | forms) - entries.keys() == set()
    quoted = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)+)["']""", code))
    beginnings = tuple(re.findall(r"""f?["']([a-z_]+(?:\.[a-z_]+)*\.)(?:\{|["'] ~)""", code))
    assert [key for key in entries if key not in quoted | forms and not key.startswith(beginnings)] == []


def test_numbers_and_shares_look_as_the_language_writes_them() -> None:
    french, english = texts_in("fr"), texts_in("en")
    assert (french.number(12345.67, 1), english.number(12345.67, 1)) == ("12\u202f345,7", "12,345.7")
    assert (french.percent(0.934), english.percent(0.934)) == ("93\u202f%", "93%")


@pytest.mark.parametrize(("language", "zero"), [("fr", "0 tweet prédit"), ("en", "0 tweets predicted")])
def test_none_is_one_in_french_and_many_in_english(language: str, zero: str) -> None:
    texts = texts_in("fr" if language == "fr" else "en")
    assert texts.count("predict.done", 0) == zero


def test_moments_are_told_in_the_readers_zone_and_in_utc() -> None:
    paris = zone_of("Europe/Paris")
    assert texts_in("fr").moment(MOMENT, paris) == "02/07/2026 00:30:05 (01/07 22:30 UTC)"
    assert texts_in("en").moment(MOMENT, paris) == "2026-07-02 00:30:05 (07-01 22:30 UTC)"
    assert texts_in("en").moment(MOMENT, zone_of("Atlantis/Capital")) == "2026-07-01 22:30:05 UTC"
