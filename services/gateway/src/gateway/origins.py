"""Where a tweet comes from, as far as its client said: topic, author, time."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from vigie.authors import AuthorBook
from vigie.schemas import BatchRequest, PredictRequest

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Origin:
    """`author` is a keyed digest, `tweeted_ms` Unix time in milliseconds."""

    topic: str | None = None
    author: str | None = None
    tweeted_ms: int | None = None


NOWHERE = Origin()


class Origins:
    """Reads origins from requests; handles go no further."""

    def __init__(self, authors: AuthorBook) -> None:
        self._authors = authors

    def of(self, body: PredictRequest) -> Origin:
        """The origin of one tweet."""
        return self._origin(body.topic, body.author, body.created_at)

    def of_each(self, body: BatchRequest) -> list[Origin]:
        """One origin per text."""
        size = len(body.texts)
        if (body.topic, body.author, body.created_at) == (None, None, None):
            return [NOWHERE] * size
        columns = (_spread(body.topic, size), _spread(body.author, size), _spread(body.created_at, size))
        return [self._origin(*each) for each in zip(*columns, strict=True)]

    def _origin(self, topic: str | None, author: str | None, created_at: datetime | None) -> Origin:
        if topic is None and author is None and created_at is None:
            return NOWHERE
        return Origin(
            topic=topic,
            author=None if author is None else self._authors.digest(author),
            tweeted_ms=None if created_at is None else int(created_at.timestamp() * 1000),
        )


def _spread(value: ValueT | list[ValueT | None] | None, size: int) -> list[ValueT | None]:
    return value if isinstance(value, list) else [value] * size
