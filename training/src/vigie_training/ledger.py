"""Every move of the champion, never changed afterwards.

Entries are tags `vigie.ledger.<number>` of the registered model: they live and are backed up with the alias that they
speak of, need no second store, and any MLflow client can read them. An entry is written before the alias moves, so that
no move can go unrecorded; a move that then failed is one entry too many, which `to` against the alias shows.
"""

from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "vigie.ledger."
_TAG_LIMIT = 4000


class Entry(BaseModel):
    """One move. `before` and `to` are version numbers; `forced` means that the gate was overruled."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: str
    kind: Literal["promote", "rollback"]
    before: str | None = Field(alias="from")
    to: str
    why: str
    forced: bool = False


class TagStore(Protocol):
    """Where tags of a registered model are kept."""

    def tags(self) -> dict[str, str]:
        """All tags."""
        ...

    def tag(self, key: str, value: str) -> None:
        """Sets one."""
        ...


def entries(store: TagStore) -> list[Entry]:
    """All entries, oldest first."""
    found = {key: value for key, value in store.tags().items() if key.startswith(PREFIX)}
    return [Entry.model_validate_json(found[key]) for key in sorted(found)]


def append(store: TagStore, entry: Entry) -> None:
    """Adds an entry under the next number."""
    numbers = [int(key.removeprefix(PREFIX)) for key in store.tags() if key.startswith(PREFIX)]
    short = entry.model_copy(update={"why": entry.why[:_TAG_LIMIT]})
    store.tag(f"{PREFIX}{max(numbers, default=0) + 1:06d}", short.model_dump_json(by_alias=True))


def predecessor(history: list[Entry], champion: str) -> str | None:
    """Which version served before `champion` was last promoted; null when it was the first."""
    for entry in reversed(history):
        if entry.kind == "promote" and entry.to == champion:
            return entry.before
    return None
