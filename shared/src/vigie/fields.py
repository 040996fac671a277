"""What fields of messages have in common: texts, names, times."""

from datetime import UTC, datetime
from typing import Annotated, LiteralString

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

TEXT_LIMIT = 2000


def without_nul(value: str, *, code: LiteralString = "has_nul") -> str:
    """The text as it came; raises an error with that code for one with NUL, which PostgreSQL cannot keep."""
    if "\0" in value:
        raise PydanticCustomError(code, "expected a text without NUL (U+0000), got one")
    return value


def tweet_text(value: str) -> str:
    """The trimmed text; raises an error with code `text_empty`, `text_too_long` or `text_has_nul`."""
    text = value.strip()
    if not text:
        raise PydanticCustomError("text_empty", "expected 1 to 2000 characters after trimming, got none")
    if len(text) > TEXT_LIMIT:
        raise PydanticCustomError(
            "text_too_long",
            "expected at most {limit} characters, got {length}",
            {"limit": TEXT_LIMIT, "length": len(text)},
        )
    return without_nul(text, code="text_has_nul")


TweetText = Annotated[
    str, AfterValidator(tweet_text), Field(json_schema_extra={"minLength": 1, "maxLength": TEXT_LIMIT})
]
NO_NUL = AfterValidator(without_nul)
Plain = Annotated[str, NO_NUL]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), NO_NUL]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_time", "expected a time from year 1 to 9999 in UTC, got another") from None


Instant = Annotated[datetime, AfterValidator(_in_utc), Field(description="ISO 8601; without a zone it is UTC.")]


Explain = Annotated[
    bool, Field(strict=True, description="Also say which words weighed most; families that cannot say answer null.")
]
