"""Writes the ledger of champions; an entry is never changed afterwards.

It is written before the alias moves, so that no move can go unrecorded; a move that then failed is one entry too many,
which `to` against the alias shows.
"""

from typing import Protocol

from vigie.ledger import PREFIX, Entry, entries

_WORDS_LIMIT = 1800  # a tag holds 5,000 characters


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
    short = entry.model_copy(update={"why": entry.why[:_WORDS_LIMIT], "verdict": entry.verdict[:_WORDS_LIMIT]})
    store.tag(f"{PREFIX}{max(numbers, default=0) + 1:06d}", short.model_dump_json(by_alias=True))


def predecessors(history: list[Entry], champion: str) -> list[str]:
    """Which versions served before `champion`, the last one first; none when it was the first.

    A promotion adds to a stack, a rollback takes from it: one rollback after the other walks back to the first version.
    """
    stack: list[str] = []
    for earlier, entry in zip([None, *history], history, strict=False):
        if entry.before is None:
            if earlier and earlier.before is None:  # still nothing served: that one was recorded and never done
                stack.pop()
        elif entry.before in stack:  # what lies above was undone, or recorded and never done
            del stack[_last(stack, entry.before) + 1 :]
        else:  # somebody moved the alias without the ledger
            stack.append(entry.before)
        if entry.kind == "promote":
            stack.append(entry.to)
        elif entry.to in stack:
            del stack[_last(stack, entry.to) + 1 :]
    at = _last(stack, champion) if champion in stack else len(stack)
    return stack[:at][::-1]


def _last(stack: list[str], version: str) -> int:
    return len(stack) - 1 - stack[::-1].index(version)
