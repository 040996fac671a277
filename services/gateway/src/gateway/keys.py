"""API keys: who may do what."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from fastapi.security import APIKeyHeader

from vigie.errors import Forbidden, Unauthorized

KEY_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="Needed when the gateway has keys.")
_HASH = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    """What a key allows."""

    PREDICT = "predict"
    FEEDBACK = "feedback"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """A named key, known only by its SHA-256."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]


class KeyRing:
    """The keys of a gateway; an empty ring lets everybody in."""

    def __init__(self, keys: list[Key]) -> None:
        self._keys = keys

    @classmethod
    def parse(cls, setting: str) -> "KeyRing":
        """Reads `name:sha256-of-key:scopes`, comma-separated or one a line; raises `ValueError`, which shows no key."""
        entries = [entry.strip() for entry in re.split(r"[,\n]", setting) if entry.strip()]
        return cls([_parse_key(number, entry) for number, entry in enumerate(entries, 1)])

    @property
    def is_open(self) -> bool:
        """Whether no key is needed."""
        return not self._keys

    @property
    def names(self) -> list[str]:
        """Who has a key."""
        return [key.name for key in self._keys]

    def become(self, other: "KeyRing") -> None:
        """Takes over another ring's keys."""
        self._keys = other._keys

    def authorise(self, presented: str | None, scope: Scope) -> str:
        """The name of the key presented; raises `Unauthorized` or `Forbidden`.

        Every key is compared, each in constant time, so that the time taken tells nothing.
        """
        if not self._keys:
            return "open"
        if not presented:
            raise Unauthorized("expected an API key in the header X-API-Key, got none")
        digest = sha256(presented.encode("latin-1", "replace")).digest()  # as headers are decoded
        found = None
        for key in self._keys:
            if compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise Unauthorized("the API key in the header X-API-Key is not known")
        if scope not in found.scopes:
            raise Forbidden(f"the key {found.name!r} lacks the scope {scope.value!r}")
        return found.name


def _parse_key(number: int, entry: str) -> Key:
    parts = entry.split(":")
    expected = "name:sha256-of-key:scopes, scopes from predict, feedback, admin joined with +"
    if len(parts) != 3 or not parts[0]:
        raise ValueError(f"entry {number}: expected {expected}, got {len(parts)} parts")
    name, digest, scopes = parts
    if not _HASH.fullmatch(digest.lower()):
        raise ValueError(
            f"entry {number} ({name!r}): expected a SHA-256 of 64 hexadecimal digits, got {len(digest)} characters"
        )
    unknown = set(scopes.split("+")) - set(Scope)
    if unknown:
        raise ValueError(f"entry {number} ({name!r}): expected {expected}, got the scopes {sorted(unknown)!r}")
    return Key(name, bytes.fromhex(digest), frozenset(Scope(scope) for scope in scopes.split("+")))
