"""Tweets per minute of event time, for one scope, in bounded memory: eight days of minutes, 92 KB."""

from array import array
from dataclasses import dataclass
from typing import ClassVar

DAY = 24 * 60
KEPT_MINUTES = 8 * DAY


@dataclass(frozen=True, slots=True)
class Tally:
    """How many negative tweets among how many, in `minutes` of observed time."""

    negative: int
    total: int
    minutes: int

    @property
    def other(self) -> int:
        """Tweets that are not negative."""
        return self.total - self.negative


class MinuteCounts:
    """A ring of minutes. A minute is Unix time in whole minutes; `started` is the first one that was observed."""

    KEPT_HOURS: ClassVar = KEPT_MINUTES // 60

    def __init__(self, started: int) -> None:
        self.started = started
        self.newest = started
        self._negative = array("I", bytes(4 * KEPT_MINUTES))
        self._total = array("I", bytes(4 * KEPT_MINUTES))

    def add(self, minute: int, *, negative: bool) -> bool:
        """Counts one tweet; false when its minute is no longer kept."""
        if minute > self.newest:
            self._advance(minute)
        if minute <= self.newest - KEPT_MINUTES:
            return False
        self.started = min(self.started, minute)
        place = minute % KEPT_MINUTES
        self._negative[place] += negative
        self._total[place] += 1
        return True

    def tally(self, first: int, end: int) -> Tally:
        """What was counted from the minute `first` up to, not including, `end`; minutes not observed do not count."""
        first = max(first, self.started, self.newest - KEPT_MINUTES + 1)
        kept_end = min(end, self.newest + 1)
        minutes = max(0, end - first)
        if kept_end <= first:
            return Tally(0, 0, minutes)
        return Tally(_sum(self._negative, first, kept_end), _sum(self._total, first, kept_end), minutes)

    def hour(self, hour: int) -> bytes:
        """The counts of an hour (Unix time in whole hours), to be kept elsewhere."""
        kept = range(self.newest - KEPT_MINUTES + 1, self.newest + 1)  # elsewhere in the ring is another time
        minutes = range(hour * 60, hour * 60 + 60)
        rings = (self._negative, self._total)
        counts = [ring[minute % KEPT_MINUTES] if minute in kept else 0 for ring in rings for minute in minutes]
        return array("I", counts).tobytes()

    def load_hour(self, hour: int, kept: bytes, newest: int) -> None:
        """Puts back what there was of an hour up to the minute `newest`; hours come in their order."""
        counts = array("I", kept)
        filled = [minute for minute in range(60) if counts[60 + minute] and hour * 60 + minute <= newest]
        if not filled:
            return
        self._advance(max(self.newest, hour * 60 + filled[-1]))
        for minute in filled:
            if hour * 60 + minute > self.newest - KEPT_MINUTES:
                place = (hour * 60 + minute) % KEPT_MINUTES
                self._negative[place], self._total[place] = counts[minute], counts[60 + minute]

    def copy(self) -> "MinuteCounts":
        """An independent copy."""
        copied = MinuteCounts.__new__(MinuteCounts)
        copied.started, copied.newest = self.started, self.newest
        copied._negative, copied._total = self._negative[:], self._total[:]
        return copied

    def _advance(self, minute: int) -> None:
        for passed in range(max(self.newest + 1, minute - KEPT_MINUTES + 1), minute + 1):
            self._negative[passed % KEPT_MINUTES] = self._total[passed % KEPT_MINUTES] = 0
        self.newest = minute


def _sum(ring: "array[int]", first: int, end: int) -> int:
    start, stop = first % KEPT_MINUTES, (end - 1) % KEPT_MINUTES + 1
    if start < stop:
        return sum(ring[start:stop])
    return sum(ring[start:]) + sum(ring[:stop])
