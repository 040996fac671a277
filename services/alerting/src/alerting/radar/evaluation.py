"""How good the radar is on a stream: alarms per day without a burst, and how often and how soon it sees a planted one.

Every draw forks the radar at the moment of its burst, so that one pass over the stream serves them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median

from alerting.radar.parameters import RadarParameters
from alerting.radar.planting import Burst, planted
from alerting.radar.radar import Radar, Surge
from alerting.radar.watch import Tweet
from vigie.durations import DAY_MS, MINUTE_MS

SEEN_WITHIN_MINUTES = 60
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Size:
    """A burst to be planted at random times."""

    scope: str
    count: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Of `draws` bursts the share that raised an alarm in their scope within the hour; median delay in minutes."""

    size: Size
    draws: int
    seen: float
    delay: float | None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Alarms without planted bursts."""

    days: float
    alarms: list[Surge]

    @property
    def per_day(self) -> float:
        """Over all scopes."""
        return len(self.alarms) / self.days


def quiet_alarms(tweets: Sequence[Tweet], told: RadarParameters, span: Span) -> Quiet:
    """The alarms of a span of time (Unix ms, end excluded); what comes before it is history."""
    radar = Radar(told)
    found = [surge for tweet in tweets if tweet.at_ms < span[1] for surge in radar.feed(tweet)]
    return Quiet((span[1] - span[0]) / DAY_MS, [surge for surge in found if surge.at_ms >= span[0]])


def tuned(
    tweets: Sequence[Tweet], told: RadarParameters, span: Span, *, per_day: float, offsets: Sequence[float]
) -> tuple[RadarParameters, Quiet]:
    """The lowest thresholds, moved together by one of `offsets` (ascending), with at most `per_day` alarms."""
    for offset in offsets:
        moved = shifted(told, offset)
        quiet = quiet_alarms(tweets, moved, span)
        if quiet.per_day <= per_day:
            return moved, quiet
    return moved, quiet


def shifted(told: RadarParameters, offset: float) -> RadarParameters:
    """With both thresholds moved."""
    return replace(
        told,
        everything=replace(told.everything, threshold=told.everything.threshold + offset),
        topic=replace(told.topic, threshold=told.topic.threshold + offset),
    )


def detections(
    tweets: Sequence[Tweet],
    negatives: Sequence[Tweet],
    told: RadarParameters,
    span: Span,
    sizes: Sequence[Size],
    *,
    draws: int,
    seed: int,
) -> list[Detection]:
    """How bursts (copies of `negatives`) that begin in the span at random times are seen."""
    chance = Random(seed)  # noqa: S311 - a draw to be repeated, no secret
    latest = span[1] - SEEN_WITHIN_MINUTES * MINUTE_MS
    plan = sorted(
        ((chance.randrange(span[0], latest), size) for size in sizes for _ in range(draws)), key=lambda each: each[0]
    )
    delays: dict[Size, list[float | None]] = {size: [] for size in sizes}
    for place, radar, (start_ms, size) in _forks(tweets, told, plan):
        burst = planted(Burst(size.scope, start_ms, size.count, size.minutes), negatives, chance)
        delays[size].append(_delay(radar, _coming(tweets, place, burst, start_ms), size.scope, start_ms))
    return [_summary(size, delays[size]) for size in sizes]


def _forks(
    tweets: Sequence[Tweet], told: RadarParameters, plan: Sequence[tuple[int, Size]]
) -> Iterator[tuple[int, Radar, tuple[int, Size]]]:
    """For each planned burst: where the stream stands at its beginning, and a radar that has seen what came before."""
    radar, place = Radar(told), 0
    for start_ms, size in plan:
        while place < len(tweets) and tweets[place].at_ms < start_ms:
            radar.feed(tweets[place])
            place += 1
        yield place, radar.fork(), (start_ms, size)


def _coming(tweets: Sequence[Tweet], place: int, burst: Sequence[Tweet], start_ms: int) -> list[Tweet]:
    """The stream of the hour after the beginning of a burst, with the burst."""
    end_ms = start_ms + SEEN_WITHIN_MINUTES * MINUTE_MS
    coming = list(burst)
    while place < len(tweets) and tweets[place].at_ms < end_ms:
        coming.append(tweets[place])
        place += 1
    return sorted(coming, key=lambda each: each.at_ms)


def _delay(radar: Radar, coming: Sequence[Tweet], scope: str, start_ms: int) -> float | None:
    """Minutes from the beginning of the burst to its alarm; null when there is none."""
    for tweet in coming:
        for surge in radar.feed(tweet):
            if surge.scope == scope:
                return (surge.at_ms - start_ms) / MINUTE_MS
    return None


def _summary(size: Size, delays: Sequence[float | None]) -> Detection:
    seen = [delay for delay in delays if delay is not None]
    return Detection(size, len(delays), len(seen) / len(delays), median(seen) if seen else None)
