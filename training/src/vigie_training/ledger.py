"""Writes the ledger of champions; an entry is never changed afterwards.

It is written before the alias moves, so that no move can go unrecorded; a move that then failed is one entry too many,
which `to` against the alias shows.
"""

from typing import Protocol

from vigie.ledger import PREFIX, Entry, entries

_TAG_LIMIT = 4000


class TagStore(Protocol):
    """Where tags of a registered model are kept."""

    def tags(self) -> dict[str, str]:
        """All tags."""
        ...

    def tag(self, key: str, value: str) -> None:
        """Sets one."""
        ...


def read(store: TagStore) -> list[Entry]:
    """All entries, oldest first."""
    return entries(store.tags())


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
