"""How much of a stream may stay while nobody reads it, and what of it was lost.

Redis refuses every write, also other services', once its memory is full; so a stream is bounded by bytes, not by
entries alone: one holds from one event to hundreds.
"""

from collections import deque
from typing import NamedTuple


class Written(NamedTuple):
    """An entry: its `place` in the order of the stream, its size in bytes, how many events it holds."""

    place: int
    size: int
    events: int


class StreamTail:
    """The latest entries of one writer, as many as may stay: at most `entries`, of at most `size` bytes together.

    Those of other writers are taken to be as large; what was there before the first of them is not known.
    """

    def __init__(self, *, entries: int, size: int) -> None:
        self._limits = entries, size
        self._entries: deque[Written] = deque()
        self._size = 0
        self._settled = 0
        self._full = False
        self.longest = entries

    def make_room(self, size: int) -> int:
        """Lets go of what is too much beside an entry of that size, so that `longest` is how many entries may be there
        with it; the number of events that go unread.
        """
        lost = 0
        while self._entries and (len(self._entries) >= self._limits[0] or self._size + size > self._limits[1]):
            oldest = self._entries.popleft()
            self._size -= oldest.size
            lost += oldest.events if oldest.place > self._settled else 0
            self._full = True
        if self._full:
            self.longest = len(self._entries) + 1
        return lost

    def add(self, written: Written) -> None:
        """It is on the stream."""
        self._entries.append(written)
        self._size += written.size

    def settle(self, first: int, read: int) -> int:
        """The number of events that are gone unread, where the stream starts at `first` and was read up to `read`; each
        is told of once.
        """
        since = max(self._settled, read)
        self._settled = max(since, first - 1)
        if self._settled == since:
            return 0
        return sum(entry.events for entry in self._entries if since < entry.place <= self._settled)


def place_of(entry_id: bytes) -> int:
    """A number that grows as entry ids do."""
    milliseconds, sequence = entry_id.decode().split("-")
    return int(milliseconds) << 64 | int(sequence)
