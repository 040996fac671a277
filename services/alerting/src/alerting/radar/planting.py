"""Synthetic bursts: negative tweets of the stream itself, copied to other times."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from alerting.radar.rows import read_moment
from alerting.radar.watch import Tweet
from vigie.durations import MINUTE_MS
from vigie.errors import InvalidRequest
from vigie.schemas import EVERYTHING

MOST_TWEETS, MOST_MINUTES = 100_000, 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Burst:
    """`count` negative tweets within `minutes` from `start_ms` on; of scope `all` they are spread over the topics."""

    scope: str
    start_ms: int
    count: int
    minutes: float


def read_burst(told: str) -> Burst:
    """`scope,time,count,minutes`; raises `InvalidRequest`."""
    try:
        scope, time, count, minutes = told.split(",")
        return Burst(scope.strip(), read_moment(time), *read_extent(count, minutes))
    except ValueError as error:
        raise InvalidRequest(f"--plant: expected scope,time,count,minutes, got {told!r} ({error})") from None


def read_extent(count: str, minutes: str) -> tuple[int, float]:
    """How many tweets in how many minutes, both within bounds; raises `ValueError`."""
    extent = int(count), float(minutes)
    if not (1 <= extent[0] <= MOST_TWEETS and 0 < extent[1] <= MOST_MINUTES):  # also true of nan
        raise ValueError(f"count: 1 to {MOST_TWEETS}; minutes: above 0, at most {MOST_MINUTES}")
    return extent


def planted(burst: Burst, negatives: Sequence[Tweet], chance: Random) -> list[Tweet]:
    """The tweets of a burst, in the order of time: copies of different tweets of its scope, at random times."""
    pool = [tweet for tweet in negatives if burst.scope in (EVERYTHING, tweet.topic)] or list(negatives)
    if not pool:
        raise InvalidRequest("--plant: the stream has no negative tweets to copy")
    copies = [pool[place % len(pool)] for place in chance.sample(range(max(len(pool), burst.count)), burst.count)]
    times = sorted(burst.start_ms + int(chance.random() * burst.minutes * MINUTE_MS) for _ in copies)
    return [
        Tweet(
            at_ms=at_ms,
            negative=copy.negative,
            score=copy.score,
            text=copy.text,
            topic=copy.topic if burst.scope == EVERYTHING else burst.scope,
        )
        for at_ms, copy in zip(times, copies, strict=True)
    ]
