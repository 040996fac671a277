"""Authors of tweets are known by a keyed digest alone: enough to count different ones, and to find one who asks."""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError

from vigie.fields import Name
from vigie.settings import derived_key


class AuthorBook:
    """Digests of handles under a key of its own, derived from the installation's secret."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = derived_key(secret, "author")

    def digest(self, handle: str) -> str:
        """32 hexadecimal characters, the same for `@Name`, `name` and ` NAME `."""
        return blake2b(plain_handle(handle).encode(), digest_size=16, key=self._key).hexdigest()


def is_erased(author: str | None, answered_ms: int, erased: Mapping[str, int]) -> bool:
    """Whether the author (a digest) of a prediction had it erased: `erased` tells when each was (Unix ms)."""
    return author is not None and answered_ms <= erased.get(author, -1)


def plain_handle(handle: str) -> str:
    """The handle in lower case without the sign before it."""
    return unicodedata.normalize("NFKC", handle).strip().removeprefix("@").casefold()


def _somebodys(handle: str) -> str:
    if not plain_handle(handle):
        raise PydanticCustomError("nobody", "expected a name, with or without @")
    return handle


Handle = Annotated[Name, AfterValidator(_somebodys)]
