"""One scope under watch: its counts, its latest negative tweets, and the episode it is in."""

from collections import deque
from dataclasses import dataclass

from alerting.radar.baseline import expect
from alerting.radar.counts import MinuteCounts
from alerting.radar.detectors import Reading, read
from alerting.radar.parameters import ErrorRates, WatchParameters
from vigie.durations import MINUTE_MS

VOICE_MINUTES = 60
LATEST_TWEETS = 400


@dataclass(frozen=True, slots=True)
class Tweet:
    """One prediction as the radar sees it; `at_ms` is Unix time, `score` the probability of negative.

    `author` is a digest; where it is not known, texts tell voices apart. `answered_ms` is when the server predicted,
    by which erasures go; 0 where tweets come from a file.
    """

    at_ms: int
    negative: bool
    score: float
    text: str
    topic: str | None = None
    author: str | None = None
    answered_ms: int = 0

    @property
    def minute(self) -> int:
        """Unix time in whole minutes."""
        return self.at_ms // MINUTE_MS

    @property
    def voice(self) -> str:
        """Who speaks, as far as that is known."""
        return self.author or self.text


class Watch:
    """Takes tweets in the order of their arrival; `minute` of every call is the time of the radar's clock."""

    def __init__(self, started: int, told: WatchParameters, errors: ErrorRates, *, voice_tweets: int) -> None:
        self.counts = MinuteCounts(started)
        self.latest: deque[Tweet] = deque(maxlen=LATEST_TWEETS)
        self.last_high: int | None = None
        self._told = told
        self._errors = errors
        self._voice_tweets = voice_tweets

    def add(self, tweet: Tweet) -> bool:
        """Counts a tweet; false when it counts no more: its author said as much already, or it is too old."""
        if tweet.negative and tweet.author and self._said_enough(tweet):
            return False
        if not self.counts.add(tweet.minute, negative=tweet.negative):
            return False
        if tweet.negative:
            self.latest.append(tweet)
        return True

    def read(self, minute: int) -> Reading | None:
        """What is unusual now; null while nothing is, or while too little is known to say so."""
        if minute - self.counts.started < self._told.learning:
            return None
        reading = read(self.counts, minute, self._told, self._errors)
        if reading is None or reading.score < self._told.threshold or not reading.detectors:
            return None
        voices = {tweet.voice for tweet in self.tweets_of(reading)}
        return reading if len(voices) >= self._told.least_voices else None

    def note(self, minute: int) -> bool:
        """Remembers that something is unusual; true when an episode begins with it."""
        known = self.is_open(minute)
        self.last_high = minute
        return not known

    def is_open(self, minute: int) -> bool:
        """Whether an episode goes on."""
        return self.last_high is not None and minute - self.last_high <= self._told.quiet

    def tweets_of(self, reading: Reading) -> list[Tweet]:
        """The negative tweets of the window that are still known, oldest first."""
        return [tweet for tweet in self.latest if reading.first <= tweet.minute < reading.end]

    def excess(self, first: int, end: int) -> float:
        """How many negatives more than expected there were from the minute `first` up to, not including, `end`."""
        window = self.counts.tally(first, end)
        return max(0.0, window.negative - expect(self.counts, window, first, end, self._told).mean)

    def fork(self) -> "Watch":
        """An independent copy."""
        copied = Watch(self.counts.started, self._told, self._errors, voice_tweets=self._voice_tweets)
        copied.counts, copied.latest = self.counts.copy(), self.latest.copy()
        copied.last_high = self.last_high
        return copied

    def _said_enough(self, tweet: Tweet) -> bool:
        since = tweet.minute - VOICE_MINUTES
        said = sum(1 for known in self.latest if known.voice == tweet.voice and known.minute > since)
        return said >= self._voice_tweets
