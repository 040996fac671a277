"""Streams of tweets for the radar, made and not taken from anybody."""

from random import Random

from alerting.radar.watch import Tweet
from vigie.durations import DAY_MS, HOUR_MS, MINUTE_MS

MONDAY = 1_795_392_000_000  # 2026-11-23T00:00:00Z


def a_stream(
    days: float, *, per_hour: float = 30.0, share: float = 0.5, topic: str | None = None, seed: int = 1
) -> list[Tweet]:
    """Tweets at random times, `share` of them negative, each with a text of its own."""
    chance, at_ms = Random(seed), float(MONDAY)
    found: list[Tweet] = []
    while True:
        at_ms += chance.expovariate(per_hour / HOUR_MS)
        if at_ms >= MONDAY + days * DAY_MS:
            return found
        text = f"tweet {seed}/{len(found)}"
        found.append(Tweet(int(at_ms), chance.random() < share, 0.9, text, topic))


def a_burst(
    start_ms: int, count: int, minutes: float, *, topic: str | None = None, author: str | None = None, text: str = ""
) -> list[Tweet]:
    """Negative tweets at even distances."""
    step = minutes * MINUTE_MS / count
    return [
        Tweet(int(start_ms + number * step), True, 0.95, text or f"burst {number}", topic, author)
        for number in range(count)
    ]


def together(*streams: list[Tweet]) -> list[Tweet]:
    """In the order of time."""
    return sorted((tweet for stream in streams for tweet in stream), key=lambda tweet: tweet.at_ms)
