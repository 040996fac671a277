"""How a message that is not as it should be is told: one 400 that names each place, at a cost that has a bound.

Pydantic notes every error of a body, and makes a dictionary of each when it is asked for them: 340,000 for one body of
1 MiB. So long lists are bounded where messages are described, and what is still too much is told as a number.
"""

from collections.abc import Sequence
from reprlib import Repr
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vigie.errors import InvalidRequest

MANY = 10_000  # more than wrong items in every list of a batch, and then some
_TOLD = 5
_SHOWN_CHARACTERS = 60
_PLACE_CHARACTERS = 80

_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 3, 20, 20
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = _SHOWN_CHARACTERS


def invalid_body(error: ValidationError) -> InvalidRequest:
    """One 400 for what pydantic found in a body; of more than `MANY` errors none is looked at."""
    if (count := error.error_count()) > MANY:
        return InvalidRequest(f"body: expected a valid {error.title}, got {count} mistakes in one")
    return invalid_request(error.errors(include_url=False, include_context=False))


def invalid_request(problems: "Sequence[ErrorDetails | Any]") -> InvalidRequest:
    """One 400 for a list of pydantic problems: the first one's code and a message that names each place."""
    kind = problems[0]["type"]
    code = kind if kind.startswith("text_") else "malformed_json" if kind.startswith("json_") else "invalid_request"
    return InvalidRequest("; ".join(_sentence(problem) for problem in problems[:_TOLD]), code=code)


def _sentence(problem: "ErrorDetails | Any") -> str:
    place, kind = _place(problem["loc"]), problem["type"]
    if kind == "missing":
        return f"{place or 'body'}: expected a value, got none"
    if kind == "extra_forbidden":
        return f"{_place(problem['loc'], of_client=True)}: no such field"
    if kind.startswith(("text_", "json_")):
        return f"{place}: {problem['msg']}" if place not in ("", "text") else str(problem["msg"])
    return f"{place or 'body'}: {problem['msg']}, got {_shown(problem['input'])}"


def _place(location: tuple[int | str, ...], *, of_client: bool = False) -> str:
    """`texts[3]` for `("body", "texts", 3)`. Where a value may be of several types pydantic puts each one's name, like
    `list[str]`, among what the client sent; names that are the client's own are told whatever they are.
    """
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in ("body", "query") and (of_client or "[" not in part):
            name = _cut(part, _PLACE_CHARACTERS)
            place += f".{name}" if place else name
    return place


def _shown(value: object) -> str:
    """What came, without writing out all of something large."""
    return _cut(repr(value[: _SHOWN_CHARACTERS + 1]) if isinstance(value, str) else _SHORT.repr(value))


def _cut(text: str, characters: int = _SHOWN_CHARACTERS) -> str:
    return text if len(text) <= characters else f"{text[: characters - 3]}..."
