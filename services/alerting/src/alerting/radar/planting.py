"""Synthetic bursts: negative tweets of the stream itself, copied to other times."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from alerting.radar.rows import read_moment
from alerting.radar.watch import Tweet
from vigie.durations import MINUTE_MS
from vigie.errors import InvalidRequest
from vigie.schemas import EVERYTHING


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
        burst = Burst(scope.strip(), read_moment(time), int(count), float(minutes))
    except ValueError as error:
        raise InvalidRequest(f"--plant: expected scope,time,count,minutes, got {told!r} ({error})") from None
    if burst.count < 1 or burst.minutes <= 0:
        raise InvalidRequest(f"--plant: expected a count and minutes above zero, got {told!r}")
    return burst


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
