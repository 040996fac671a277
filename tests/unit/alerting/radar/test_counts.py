"""Counts per minute, against a plain list of tweets."""

from random import Random

from alerting.radar.counts import KEPT_MINUTES, MinuteCounts, Tally

NOON = 29_900_000


def test_a_tally_is_what_a_plain_list_says() -> None:
    chance, counts = Random(1), MinuteCounts(NOON)
    tweets: list[tuple[int, bool]] = []
    for _ in range(3000):
        tweet = (NOON + chance.randrange(3 * KEPT_MINUTES // 2), chance.random() < 0.4)
        tweets.append(tweet)
    tweets.sort(key=lambda tweet: tweet[0] + chance.randrange(90))
    for minute, negative in tweets:
        counts.add(minute, negative=negative)
    oldest = counts.newest - KEPT_MINUTES + 1
    for _ in range(200):
        first = chance.randrange(NOON, counts.newest)
        end = first + chance.randrange(2000)
        inside = [negative for minute, negative in tweets if max(first, oldest) <= minute < end]
        assert counts.tally(first, end) == Tally(sum(inside), len(inside), max(0, end - max(first, oldest)))


def test_a_late_tweet_counts_in_its_own_minute() -> None:
    counts = MinuteCounts(NOON)
    assert counts.add(NOON + 10, negative=True)
    assert counts.add(NOON + 3, negative=False)
    assert counts.tally(NOON, NOON + 5) == Tally(0, 1, 5)


def test_a_tweet_older_than_what_is_kept_does_not_count() -> None:
    counts = MinuteCounts(NOON)
    counts.add(NOON + KEPT_MINUTES, negative=True)
    assert not counts.add(NOON, negative=True)
    assert counts.tally(NOON, NOON + 1) == Tally(0, 0, 0)


def test_minutes_before_the_first_tweet_were_not_observed() -> None:
    counts = MinuteCounts(NOON)
    counts.add(NOON + 30, negative=True)
    assert counts.tally(NOON - 60, NOON + 60).minutes == 60
    assert counts.tally(NOON - 60, NOON - 30) == Tally(0, 0, 0)


def test_a_copy_goes_its_own_way() -> None:
    counts = MinuteCounts(NOON)
    counts.copy().add(NOON, negative=True)
    assert counts.tally(NOON, NOON + 1).total == 0


def test_an_hour_that_is_kept_elsewhere_holds_nothing_of_eight_days_before() -> None:
    hour = NOON // 60
    counts = MinuteCounts(hour * 60 - KEPT_MINUTES)
    for _ in range(9):
        counts.add(hour * 60 + 30 - KEPT_MINUTES, negative=True)
    counts.add(hour * 60 + 10, negative=True)
    again = MinuteCounts(counts.started)
    again.load_hour(hour, counts.hour(hour), counts.newest)
    assert (again.newest, again.tally(hour * 60, hour * 60 + 60).total) == (counts.newest, 1)


def test_of_an_hour_that_was_kept_wrongly_what_lies_ahead_is_left_out() -> None:
    hour, wrong = NOON // 60, MinuteCounts(NOON)
    wrong.add(hour * 60 + 10, negative=True)
    wrong.add(hour * 60 + 30, negative=True)
    again = MinuteCounts(hour * 60)
    again.load_hour(hour, wrong.hour(hour), hour * 60 + 20)
    assert (again.newest, again.tally(hour * 60, hour * 60 + 60).total) == (hour * 60 + 10, 1)
