"""The radar: every scope under watch by one clock, the newest time that any tweet brought.

It is the same code that runs in the service, in `replay` and in `evaluate`; nothing in it looks at a wall clock.
"""

from dataclasses import dataclass

from alerting.radar.detectors import Reading
from alerting.radar.parameters import RadarParameters
from alerting.radar.watch import Tweet, Watch
from vigie.durations import MINUTE_MS
from vigie.schemas import ANYTHING, EVERYTHING

EXPLAINED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Surge:
    """An episode that begins: where, when by the radar's clock (Unix ms), and what was seen."""

    scope: str
    at_ms: int
    reading: Reading


class Radar:
    """Feed it tweets in the order in which they arrive; every surge is told once."""

    def __init__(self, told: RadarParameters) -> None:
        self.told = told
        self.watches: dict[str, Watch] = {}
        self.now_ms = 0

    def feed(self, tweet: Tweet, *, history: bool = False) -> list[Surge]:
        """Counts one tweet in each of its scopes; the surges that begin with it, topics first.

        History is counted, and moves no clock.
        """
        if not history:
            self.now_ms = max(self.now_ms, tweet.at_ms)
        scopes = [self.watch(scope, tweet.minute) for scope in scopes_of(tweet)]
        counted = [watch.add(tweet) for watch in scopes]
        if history or not tweet.negative or tweet.at_ms < self.now_ms - self.told.late_minutes * MINUTE_MS:
            return []
        looking = (scope for scope, new in zip(scopes_of(tweet), counted, strict=True) if new)
        return [surge for scope in looking if (surge := self._look(scope))]

    def watch(self, scope: str, minute: int) -> Watch:
        """The watch of a scope; a new one may cost the scope that has been silent for longest its place."""
        found = self.watches.pop(scope, None)
        if found is None:
            self._make_room()
            told = self.told.everything if scope == EVERYTHING else self.told.topic
            found = Watch(minute, told, self.told.errors, voice_tweets=self.told.voice_tweets)
        self.watches[scope] = found
        return found

    def fork(self) -> "Radar":
        """An independent copy, to see what would have happened."""
        copied = Radar(self.told)
        copied.now_ms = self.now_ms
        copied.watches = {scope: watch.fork() for scope, watch in self.watches.items()}
        return copied

    def _look(self, scope: str) -> Surge | None:
        watch, minute = self.watches[scope], self.now_ms // MINUTE_MS
        reading = watch.read(minute)
        if reading is None or (scope == EVERYTHING and self._is_explained(reading)):
            return None
        return Surge(scope, self.now_ms, reading) if watch.note(minute) else None

    def _is_explained(self, reading: Reading) -> bool:
        """Whether one topic makes most of what is too much in everything: its own watch says so, or not at all."""
        topics = (watch for scope, watch in self.watches.items() if scope != EVERYTHING)
        largest = max((watch.excess(reading.first, reading.end) for watch in topics), default=0.0)
        return largest >= EXPLAINED_SHARE * (reading.count - reading.baseline)

    def _make_room(self) -> None:
        if len(self.watches) < self.told.scopes:
            return
        silent = next(scope for scope in self.watches if scope != EVERYTHING)
        del self.watches[silent]


def scopes_of(tweet: Tweet) -> list[str]:
    """The topic, if there is one, and everything; a topic `*` is none, since a silence for it would be one for all."""
    return [EVERYTHING] if tweet.topic in (None, EVERYTHING, ANYTHING) else [str(tweet.topic), EVERYTHING]
