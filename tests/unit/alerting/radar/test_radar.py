"""What the radar tells, and what it does not."""

import pytest

from alerting.radar.detectors import Detector
from alerting.radar.parameters import ErrorRates, RadarParameters
from alerting.radar.radar import Radar, Surge
from alerting.radar.watch import LATEST_TWEETS, Tweet
from tests.support.tweets import MONDAY, a_burst, a_stream, together
from vigie.durations import DAY_MS, HOUR_MS, MINUTE_MS

NOON = MONDAY + 12 * HOUR_MS


def told_by(radar: Radar, *streams: list[Tweet]) -> list[Surge]:
    return [surge for tweet in together(*streams) for surge in radar.feed(tweet)]


def test_an_even_stream_raises_nothing() -> None:
    assert told_by(Radar(RadarParameters()), a_stream(2, per_hour=20), a_stream(2, topic="luggage", seed=2)) == []


def test_a_burst_in_a_topic_is_told_once_with_its_figures() -> None:
    quiet, burst = a_stream(1, topic="luggage", per_hour=10), a_burst(NOON, 40, 20, topic="luggage")
    (surge,) = told_by(Radar(RadarParameters()), quiet, burst)
    assert surge.scope == "luggage", "what a topic explains is not told again for everything"
    assert NOON < surge.at_ms < NOON + 10 * MINUTE_MS
    reading = surge.reading
    assert reading.count > 2 * reading.baseline
    assert reading.count <= reading.total
    assert Detector.COUNT in reading.detectors


def test_a_topic_that_a_silence_would_take_for_everything_is_none() -> None:
    quiet, burst = a_stream(1, topic="*", per_hour=10), a_burst(NOON, 40, 20, topic="*")
    assert {surge.scope for surge in told_by(Radar(RadarParameters()), quiet, burst)} == {"all"}


def test_a_burst_over_all_topics_is_told_for_everything() -> None:
    quiet = a_stream(1, per_hour=20)
    spread = [a_burst(NOON, 5, 15, topic=f"topic {number}", text="") for number in range(12)]
    different = [
        Tweet(tweet.at_ms + number, True, 0.9, f"{tweet.text} of {number}", tweet.topic)
        for number, burst in enumerate(spread)
        for tweet in burst
    ]
    assert [surge.scope for surge in told_by(Radar(RadarParameters()), quiet, different)] == ["all"]


def test_two_bursts_hours_apart_are_two_episodes() -> None:
    bursts = together(a_burst(NOON, 40, 20), a_burst(NOON + 5 * HOUR_MS, 40, 20))
    assert len(told_by(Radar(RadarParameters()), a_stream(1, per_hour=10), bursts)) == 2


@pytest.mark.parametrize("author", ["one digest", None])
def test_one_voice_is_no_surge(author: str | None) -> None:
    """One author who writes forty tweets, or one text forty times where nobody knows who wrote it."""
    alone = a_burst(NOON, 40, 20, author=author, text="" if author else "the same words")
    assert told_by(Radar(RadarParameters()), a_stream(1, per_hour=4, share=0.2), alone) == []


def test_a_rise_of_tweets_that_the_model_misjudges_at_its_known_rate_is_no_surge() -> None:
    """Fifty neutral tweets, a quarter of them called negative: exactly what the model does to neutral tweets."""
    neutral = [Tweet(NOON + number * 20_000, number % 4 == 0, 0.6, f"neutral {number}") for number in range(60)]
    quiet = a_stream(1, per_hour=4, share=0.3)
    careful = RadarParameters(errors=ErrorRates(hit=0.9, false=0.25))
    assert told_by(Radar(careful), quiet, neutral) == []


def test_a_scope_learns_before_it_speaks() -> None:
    assert told_by(Radar(RadarParameters()), a_burst(MONDAY, 60, 30)) == []


def test_late_tweets_count_but_raise_nothing_about_the_past() -> None:
    radar = Radar(RadarParameters())
    for tweet in a_stream(1, per_hour=10):
        radar.feed(tweet)
    late = a_burst(NOON, 40, 20)
    assert [surge for tweet in late for surge in radar.feed(tweet)] == []
    minute = NOON // MINUTE_MS
    assert radar.watches["all"].counts.tally(minute, minute + 20).negative >= 40


def test_memory_is_bounded() -> None:
    radar = Radar(RadarParameters(scopes=5))
    for number in range(50):
        for tweet in a_burst(MONDAY + number * MINUTE_MS, 20, 1, topic=f"topic {number}"):
            radar.feed(tweet)
    assert len(radar.watches) == 5
    assert "all" in radar.watches
    assert "topic 49" in radar.watches
    assert len(radar.watches["all"].latest) <= LATEST_TWEETS


def test_the_same_stream_tells_the_same_also_from_a_fork() -> None:
    quiet, burst = a_stream(1, per_hour=10), a_burst(NOON, 40, 20)
    whole = told_by(Radar(RadarParameters()), quiet, burst)
    radar = Radar(RadarParameters())
    for tweet in quiet:
        if tweet.at_ms < NOON:
            radar.feed(tweet)
    fork = radar.fork()
    rest = [tweet for tweet in quiet if tweet.at_ms >= NOON]
    assert told_by(fork, rest, burst) == whole
    assert told_by(radar, rest) == [], "the fork leaves its origin alone"


def test_the_daily_cycle_is_learnt() -> None:
    """A busy hour at the same time every day: unusual the first time, not on the fifth day."""
    cycle = [tweet for day in range(6) for tweet in a_burst(MONDAY + day * DAY_MS + 9 * HOUR_MS, 240, 120)]
    different = [Tweet(tweet.at_ms, number % 3 > 0, 0.9, f"{number}") for number, tweet in enumerate(cycle)]
    surges = told_by(Radar(RadarParameters()), a_stream(6, per_hour=20, share=0.6), different)
    assert {(surge.at_ms - MONDAY) // DAY_MS for surge in surges} <= {0, 1, 2, 3}
