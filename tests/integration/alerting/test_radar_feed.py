"""The radar in the service: counts exactly once, on a real Redis, whatever ends in between."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any, Literal

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from alerting.erasing import Eraser
from alerting.parts import day_figures
from alerting.radar.feed import RadarFeed
from alerting.radar.memory import NotHeld
from alerting.radar.parameters import RadarParameters
from alerting.radar.watch import Tweet
from alerting.rule import ErrorRule, RuleParameters
from alerting.store import AlertStore
from tests.support.alerting import MakeWorker
from tests.support.alerts import error_state, raised_alerts
from tests.support.eventually import until
from tests.support.mail import MailServer
from tests.support.servers import wait_for
from tests.support.tweets import a_burst, a_stream, together
from vigie.alerts import DayFigures
from vigie.durations import DAY_MS, HOUR_MS, MINUTE_MS
from vigie.schemas import Erasure, PredictionEvent
from vigie.store import Store
from vigie.streams import PREDICTIONS, read_dead, trim_consumed

NOW = int(time() * 1000)
START = NOW - 20 * HOUR_MS
MakeFeed = Callable[[str], RadarFeed]


@pytest.fixture
def make_feed(redis: Redis) -> MakeFeed:
    return lambda token: RadarFeed(redis, RadarParameters(), token=token, now_ms=lambda: NOW)


def shifted(tweets: list[Tweet], start_ms: int) -> list[Tweet]:
    """The same stream, beginning at another time."""
    first = tweets[0].at_ms
    return [
        Tweet(tweet.at_ms - first + start_ms, tweet.negative, tweet.score, tweet.text, tweet.topic, tweet.author)
        for tweet in tweets
    ]


def quiet_stream() -> list[Tweet]:
    return shifted(a_stream(19.5 / 24, per_hour=12, topic="luggage"), START)


def as_event(tweet: Tweet, number: int, model: str = "logreg") -> PredictionEvent:
    """Answered now, unless the tweet says when."""
    return PredictionEvent(
        prediction_id=f"p{number}",
        text=tweet.text,
        model=model,
        version="1",
        label=0 if tweet.negative else 1,
        probability_negative=tweet.score,
        created_ms=tweet.answered_ms or NOW,
        topic=tweet.topic,
        author=tweet.author,
        tweeted_ms=tweet.at_ms,
    )


async def publish(redis: Redis, tweets: list[Tweet], model: str = "logreg") -> None:
    """Many tweets to an entry, as the gateway does."""
    events = [as_event(tweet, number, model) for number, tweet in enumerate(tweets)]
    for first in range(0, len(events), 50):
        fields: dict[Any, Any] = dict(PREDICTIONS.encode(events[first : first + 50]))
        await redis.xadd(PREDICTIONS.name, fields)


async def read_all(feed: RadarFeed) -> None:
    """What `run` does, until the stream is read."""
    assert await feed.memory.hold()
    position = await feed.restore()
    while found := await feed.more(position, block_ms=1):
        position = await feed.keep(found)


async def test_a_burst_on_the_stream_becomes_one_alert_in_the_outbox(redis: Redis, make_feed: MakeFeed) -> None:
    burst = a_burst(NOW - 20 * MINUTE_MS, 40, 18, topic="luggage")
    await publish(redis, together(quiet_stream(), burst))
    await read_all(make_feed("one"))
    (alert,) = await raised_alerts(redis)
    assert (alert.scope, alert.rule, alert.errors) == ("luggage", "surge", [])
    assert alert.surge is not None
    assert alert.surge.count > 2 * alert.surge.baseline
    assert {tweet.text for tweet in alert.surge.tweets} == {"burst 0"}, "tweets alike but for a number are one"
    assert len(alert.surge.points) == 48
    assert sum(point.negative for point in alert.surge.points) > 12


@pytest.mark.parametrize(("scope", "told"), [("all", (3, 15)), ("model", (2, 10))])
async def test_a_mail_says_all_predictions_of_the_day_also_those_that_weigh_nothing(
    redis: Redis, make_feed: MakeFeed, scope: Literal["all", "model"], told: tuple[int, int]
) -> None:
    await publish(
        redis, [Tweet(NOW - MINUTE_MS, True, 0.9, f"late again {number}", author="somebody") for number in range(10)]
    )
    await publish(redis, quiet_stream()[:5], model="lstm")
    feed = make_feed("one")
    await read_all(feed)
    errors = [error_state("a", NOW), error_state("b", NOW), error_state("c", NOW, model="lstm")]
    rule = ErrorRule(redis, RuleParameters(needed=2, scope=scope))
    await rule.judge(errors)
    figures = day_figures(rule, feed.memory)
    (alert,) = await raised_alerts(redis)
    assert await figures(alert) == DayFigures(errors=told[0], predictions=told[1])
    surge = alert.model_copy(update={"rule": "surge", "scope": "luggage"})
    assert await figures(surge) == DayFigures(errors=3, predictions=15)


async def test_another_worker_goes_on_where_the_first_one_stopped(redis: Redis, make_feed: MakeFeed) -> None:
    tweets = together(quiet_stream(), a_burst(NOW - 20 * MINUTE_MS, 40, 18, topic="luggage"))
    one, two, whole = make_feed("one"), make_feed("two"), make_feed("whole")
    await publish(redis, tweets[:-60])
    await read_all(one)
    assert not await two.memory.hold(), "one worker holds the radar"
    await one.memory.release()
    await publish(redis, tweets[-60:])
    await read_all(two)
    alerts = await raised_alerts(redis)
    assert len(alerts) == 1
    for tweet in tweets:
        whole.radar.feed(tweet)
    start, end = START // MINUTE_MS, NOW // MINUTE_MS + 1
    for scope in ("all", "luggage"):
        expected = whole.radar.watches[scope].counts.tally(start, end)
        assert two.radar.watches[scope].counts.tally(start, end) == expected


async def test_a_worker_that_lost_the_lease_writes_nothing(redis: Redis, make_feed: MakeFeed) -> None:
    one, two = make_feed("one"), make_feed("two")
    await publish(redis, quiet_stream())
    assert await one.memory.hold()
    found = await one.more(await one.restore(), block_ms=1)
    await redis.delete("radar:{alerts}:holder")
    assert await two.memory.hold()
    with pytest.raises(NotHeld):
        await one.keep(found)
    await read_all(two)
    total = two.radar.watches["all"].counts.tally(0, 2**40).total
    assert total == len(quiet_stream())


async def test_what_redis_lost_is_written_again(redis: Redis, make_feed: MakeFeed) -> None:
    one = make_feed("one")
    await publish(redis, quiet_stream())
    await read_all(one)
    before = one.radar.watches["all"].counts.tally(0, 2**40)
    await redis.flushall()
    await read_all(one)
    await one.memory.release()
    two = make_feed("two")
    await read_all(two)
    assert two.radar.watches["all"].counts.tally(0, 2**40) == before


async def test_a_worker_that_stands_by_does_not_write_its_old_counts_again(redis: Redis, make_feed: MakeFeed) -> None:
    one = make_feed("one")
    await publish(redis, quiet_stream())
    await read_all(one)
    await one.memory.release()
    assert await make_feed("two").memory.hold()
    standing_by = asyncio.create_task(one.run())
    await until(lambda: one.connected)
    standing_by.cancel()
    await asyncio.wait([standing_by])
    await redis.flushall()
    await read_all(one)
    assert one.radar.watches == {}


async def test_an_entry_nobody_can_read_is_passed_over(redis: Redis, make_feed: MakeFeed) -> None:
    await redis.xadd(PREDICTIONS.name, {"events": b"[{]"})
    await publish(redis, quiet_stream())
    feed = make_feed("one")
    await read_all(feed)
    assert await read_dead(redis, PREDICTIONS) == [], "feedback sets it aside: two copies would both be put back"
    assert feed.radar.watches["all"].counts.tally(0, 2**40).total == len(quiet_stream())


async def test_the_stream_is_trimmed_only_as_far_as_the_radar_has_read(redis: Redis, make_feed: MakeFeed) -> None:
    await publish(redis, quiet_stream())
    feed = make_feed("one")
    assert await feed.memory.hold()
    await feed.keep(await feed.more(await feed.restore(), block_ms=1))
    more = await redis.xadd(PREDICTIONS.name, {"events": b"[]"})
    await trim_consumed(redis, PREDICTIONS.name)
    left: Any = await redis.xrange(PREDICTIONS.name, more, more)
    assert [entry for entry, _ in left] == [more]


async def test_history_counts_and_raises_nothing(redis: Redis, make_feed: MakeFeed) -> None:
    old = NOW - 60 * HOUR_MS
    burst = a_burst(old + 10 * HOUR_MS, 40, 18, topic="luggage")
    ancient = a_burst(NOW - 30 * 24 * HOUR_MS, 5, 5)
    await publish(redis, together(ancient, shifted(a_stream(0.9, per_hour=12, topic="luggage"), old), burst))
    feed = make_feed("one")
    await read_all(feed)
    assert await raised_alerts(redis) == []
    assert feed.radar.watches["luggage"].counts.tally(0, 2**40).negative > 100


def test_a_radar_that_was_switched_off_holds_nothing_back(make_worker: MakeWorker, redis_url: str) -> None:
    with SyncRedis.from_url(redis_url) as redis:
        redis.xgroup_create(PREDICTIONS.name, "radar", "0", mkstream=True)
        make_worker(radar_enabled=False, housekeeping_seconds=0.1).run()
        wait_for(lambda: redis.xinfo_groups(PREDICTIONS.name) == [], what="the end of the radar's group")


def test_a_surge_is_mailed(make_worker: MakeWorker, mail_server: MailServer, redis_url: str) -> None:
    worker = make_worker().run()
    tweets = together(quiet_stream(), a_burst(NOW - 20 * MINUTE_MS, 40, 18, topic="luggage"))
    events = [as_event(tweet, number) for number, tweet in enumerate(tweets)]
    with SyncRedis.from_url(redis_url) as client:
        for first in range(0, len(events), 50):
            client.xadd(PREDICTIONS.name, dict(PREDICTIONS.encode(events[first : first + 50])))
        wait_for(lambda: mail_server.mailbox.messages, what="the mail")
    (alert,) = worker.alerts()
    assert (alert["rule"], alert["scope"]) == ("surge", "luggage")
    assert "luggage" in mail_server.mailbox.messages[0]["Subject"]


async def test_an_erased_author_is_forgotten_by_every_worker(redis: Redis, make_feed: MakeFeed, tmp_path: Path) -> None:
    one, two = make_feed("one"), make_feed("two")
    burst = [
        replace(tweet, author=f"author {number}")
        for number, tweet in enumerate(a_burst(NOW - 20 * MINUTE_MS, 40, 18, topic="luggage"))
    ]
    await publish(redis, together(quiet_stream(), burst))
    await read_all(one)
    await one.memory.release()
    await publish(redis, [replace(tweet, at_ms=tweet.at_ms + 1) for tweet in burst])
    await read_all(two)
    author = "author 39"
    assert all(authors_known(feed, author) for feed in (one, two))
    await erase(redis, tmp_path, {author: NOW})
    for feed in (one, two):
        await feed.forget_erased()
        assert not authors_known(feed, author)
    await publish(redis, [replace(burst[0], author=author, answered_ms=NOW + 1)])
    await read_all(two)
    await two.forget_erased()
    assert authors_known(two, author), "what was written since is not erased"


async def test_what_comes_late_of_an_erased_author_is_in_no_mail_also_after_another_erasure(
    redis: Redis, make_feed: MakeFeed, tmp_path: Path
) -> None:
    feed = make_feed("one")
    await publish(redis, quiet_stream())
    await read_all(feed)
    await erase(redis, tmp_path, {"ann": NOW})
    await feed.forget_erased()
    await erase(redis, tmp_path, {"bob": NOW + 5})
    await feed.forget_erased()
    burst = a_burst(NOW - 20 * MINUTE_MS, 40, 18, topic="luggage")
    late = [replace(tweet, author="ann", text=f"{tweet.text} of a xylophonist") for tweet in burst[:3]]
    await publish(redis, together(late, burst))
    await read_all(feed)
    await feed.forget_erased()
    (alert,) = await raised_alerts(redis)
    assert "xylophonist" not in alert.model_dump_json()
    assert not authors_known(feed, "ann")


async def test_erasures_go_by_when_the_server_answered_as_they_do_in_the_log(
    redis: Redis, make_feed: MakeFeed, tmp_path: Path
) -> None:
    feed = make_feed("one")
    ahead = Tweet(NOW + MINUTE_MS // 2, True, 0.9, "by a clock that is ahead", author="ann")
    since = Tweet(NOW - MINUTE_MS, True, 0.9, "sent in later", author="bob", answered_ms=NOW + 1)
    await publish(redis, [ahead, since])
    await read_all(feed)
    await erase(redis, tmp_path, {"ann": NOW, "bob": NOW}, noted_ms=NOW + HOUR_MS)
    await feed.forget_erased()
    await publish(redis, [ahead, since])
    await read_all(feed)
    assert not authors_known(feed, "ann")
    assert authors_known(feed, "bob") == 2


async def test_an_erasure_is_known_for_weeks_and_its_repetition_brings_no_earlier_moment(
    redis: Redis, make_feed: MakeFeed, tmp_path: Path
) -> None:
    for erased_ms in (NOW - 3 * DAY_MS, NOW - 4 * DAY_MS):
        await erase(redis, tmp_path, {"ann": erased_ms})
    await erase(redis, tmp_path, {"bob": NOW})
    feed = make_feed("one")
    await publish(redis, [Tweet(NOW, True, 0.9, "late", author="ann", answered_ms=NOW - 3 * DAY_MS)])
    await read_all(feed)
    assert not authors_known(feed, "ann")


async def test_texts_are_gone_through_once_for_each_erasure(redis: Redis, make_feed: MakeFeed, tmp_path: Path) -> None:
    feed = make_feed("one")
    await publish(redis, quiet_stream())
    await read_all(feed)
    await erase(redis, tmp_path, {"ann": NOW})
    await feed.forget_erased()
    texts = iter(feed.radar.watches["all"].latest)
    await feed.forget_erased()
    assert next(texts), "an iterator ends with an error where its deque was written to"


async def test_what_an_older_radar_kept_is_read(redis: Redis, make_feed: MakeFeed) -> None:
    one, two = make_feed("one"), make_feed("two")
    await publish(redis, quiet_stream())
    await read_all(one)
    await one.memory.release()
    scopes = "radar:{alerts}:scopes"
    kept: Any = await redis.hgetall(scopes)
    for scope, state in kept.items():
        await redis.hset(scopes, scope, json.dumps(json.loads(state) | {"opened": 1}))
    await read_all(two)
    assert two.radar.watches.keys() == one.radar.watches.keys()


async def erase(redis: Redis, home: Path, erased: dict[str, int], *, noted_ms: int = NOW) -> None:
    """What the service does when it hears of erasures (author and moment)."""
    sql = Store(f"sqlite:///{home}/alerting.db")
    store = AlertStore(sql, now_ms=lambda: noted_ms)
    await store.prepare()
    erasures = [
        Erasure(erasure_id=author, author=author, prediction_ids=[], at_ms=at_ms) for author, at_ms in erased.items()
    ]
    await Eraser(redis, store).erase(erasures)
    await sql.close()


def authors_known(feed: RadarFeed, author: str) -> int:
    """How many texts of the author a worker holds."""
    return sum(tweet.author == author for watch in feed.radar.watches.values() for tweet in watch.latest)


async def test_hours_that_nobody_asks_for_any_more_are_deleted_however_rare_tweets_are(
    redis: Redis, make_feed: MakeFeed
) -> None:
    first = NOW - 60 * 24 * HOUR_MS
    feed = make_feed("one")
    assert await feed.memory.hold()
    position = await feed.restore()
    for number in range(0, 60 * 24, 5):
        tweet = Tweet(first + number * HOUR_MS, True, 0.9, f"late {number}", "luggage")
        event = as_event(tweet, number).model_copy(update={"created_ms": tweet.at_ms})
        fields: dict[Any, Any] = dict(PREDICTIONS.encode([event]))
        await redis.xadd(PREDICTIONS.name, fields)
        position = await feed.keep(await feed.more(position, block_ms=1))
        if number == 30 * 24:
            feed = make_feed("one")
            position = await feed.restore()
    names = [name async for name in redis.scan_iter("radar:*:counts:*")]
    assert len(names) == 2
    assert [await redis.hlen(name) for name in names] == [39, 39]
