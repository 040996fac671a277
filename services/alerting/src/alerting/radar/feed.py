"""The radar in the service: reads the stream of predictions, counts, and puts surges into the outbox of alerts."""

import asyncio
import logging
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from alerting.erasing import erased_authors
from alerting.metrics import SURGES, TWEETS, WATCHED
from alerting.radar.counts import KEPT_MINUTES
from alerting.radar.memory import START, NotHeld, RadarMemory, Step
from alerting.radar.parameters import RadarParameters
from alerting.radar.radar import Radar, Surge, scopes_of
from alerting.radar.stories import risen, typical
from alerting.radar.watch import Tweet, Watch
from alerting.store import SURGE, Clock
from vigie.alerts import RaisedAlert, SurgeFacts, SurgePoint, SurgeTweet
from vigie.authors import is_erased
from vigie.durations import DAY_MS, HOUR_MS, MINUTE_MS
from vigie.schemas import PredictionEvent
from vigie.streams import PREDICTIONS, Entry

BATCH_ENTRIES = 64
BLOCK_MS = 1_000
GATHER_SECONDS = 0.2  # a surge is told in minutes: what comes meanwhile costs one step, not many
STAND_BY_SECONDS = 3.0
RETRY_SECONDS = 1.0
AHEAD_MS = MINUTE_MS
HISTORY_MS = DAY_MS
TWEETS_TOLD, WORDS_TOLD = 5, 8
STEP_MINUTES, STEPS = 5, 48

_LOG = logging.getLogger(__name__)


class RadarFeed:
    """One worker's radar: it reads while it holds the lease, and stands by while another one does."""

    def __init__(self, redis: Redis, told: RadarParameters, *, token: str, now_ms: Clock) -> None:
        self._redis = redis
        self._told = told
        self.memory = RadarMemory(redis, token)
        self._now_ms = now_ms
        self.radar = Radar(told)
        self.connected = False
        self._erased: dict[str, int] = {}

    async def run(self) -> None:
        """Reads until cancelled; gives the lease back then."""
        try:
            while True:
                try:
                    await self._turn()
                except NotHeld:
                    _LOG.warning("another worker holds the radar")
                except (RedisError, OSError) as error:
                    self.connected = False
                    _LOG.warning("the radar waits for Redis", extra={"error": str(error)})
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._give_back()

    async def forget_erased(self) -> None:
        """Drops the texts of authors who were erased since the last look, by whichever worker."""
        erased = await erased_authors(self._redis)
        if erased.items() <= self._erased.items():
            return
        self._erased |= erased
        for watch in self.radar.watches.values():
            kept = [tweet for tweet in watch.latest if not is_erased(tweet.author, tweet.answered_ms, self._erased)]
            watch.latest.clear()
            watch.latest.extend(kept)

    async def _turn(self) -> None:
        if not await self.memory.hold():
            self.radar = Radar(self._told)  # another worker counts on: what this one knew is soon of the past
            self.connected = True
            await asyncio.sleep(STAND_BY_SECONDS)
            return
        position = await self.restore()
        self.connected = True
        while await self.memory.hold():
            if found := await self.more(position):
                position = await self.keep(found)
                await asyncio.sleep(GATHER_SECONDS)
            else:
                await self.forget_erased()

    async def restore(self) -> bytes:
        """Knows again what Redis kept; where that was lost, Redis gets what this worker knows. Where to read on."""
        radar = Radar(self._told)
        position = await self.memory.load(radar)
        if position is not None or not self.radar.watches:
            for scope, watch in radar.watches.items():
                known = self.radar.watches.get(scope)
                watch.latest.extend(known.latest if known else ())
            self.radar = radar
            return position or START
        _LOG.warning("Redis has lost the radar's counts; they are written again")
        hours = {scope: _hours_of(watch) for scope, watch in self.radar.watches.items()}
        await self.memory.save(self.radar, Step(START, touched=hours))
        return START

    async def more(self, position: bytes, *, block_ms: int = BLOCK_MS) -> list[Entry]:
        """Entries behind `position`; waits up to `block_ms` for the first one."""
        found: Any = await self._redis.xread({PREDICTIONS.name: position}, count=BATCH_ENTRIES, block=block_ms)
        return list(found[0][1]) if found else []

    async def keep(self, entries: list[Entry]) -> bytes:
        """Counts entries and commits what follows; the new position. Nothing in it tells what was erased before."""
        await self.forget_erased()
        step = self._read(entries)
        await self.memory.save(self.radar, step)
        return step.position

    def _read(self, entries: list[Entry]) -> Step:
        step = Step(entries[-1][0])
        for entry_id, fields in entries:
            try:
                events = PREDICTIONS.decode(fields)
            except ValueError:  # feedback sets it aside: twice would put it back twice
                _LOG.warning("the radar cannot read an entry", extra={"entry": entry_id.decode()})
                continue
            for event in events:
                step.answered[event.created_ms // HOUR_MS, f"{event.model}:{event.version}"] += 1
                self._take(event, step)
        WATCHED.set(len(self.radar.watches))
        return step

    def _take(self, event: PredictionEvent, step: Step) -> None:
        if is_erased(event.author, event.created_ms, self._erased):
            TWEETS.labels("erased").inc()
            return
        tweet = as_tweet(event)
        age_ms = event.created_ms - tweet.at_ms
        if age_ms > KEPT_MINUTES * MINUTE_MS:
            TWEETS.labels("too_old").inc()
            return
        TWEETS.labels("counted").inc()
        for surge in self.radar.feed(tweet, history=age_ms > HISTORY_MS):
            SURGES.labels(surge.scope).inc()
            _LOG.warning("surge", extra={"scope": surge.scope, "count": surge.reading.count})
            step.alerts.append(raised(surge, self.radar.watches[surge.scope], self._told, self._now_ms()))
        for scope in scopes_of(tweet):
            step.touched.setdefault(scope, set()).add(tweet.minute // 60)

    async def _give_back(self) -> None:
        try:
            await self.memory.release()
        except (RedisError, OSError):
            _LOG.info("the radar's lease ends by itself")


def as_tweet(event: PredictionEvent) -> Tweet:
    """A prediction in event time; a tweet from the future was written when it arrived."""
    at_ms = event.created_ms if event.tweeted_ms is None else event.tweeted_ms
    if at_ms > event.created_ms + AHEAD_MS:
        at_ms = event.created_ms
    return Tweet(
        at_ms,
        event.label == 0,
        event.probability_negative,
        event.text,
        event.topic,
        event.author,
        answered_ms=event.created_ms,
    )


def raised(surge: Surge, watch: Watch, told: RadarParameters, now_ms: int) -> RaisedAlert:
    """The alert of a surge, with what its mail tells."""
    reading = surge.reading
    now = watch.tweets_of(reading)
    before = [tweet for tweet in watch.latest if tweet.minute < reading.first]
    quiet = told.topic.quiet
    facts = SurgeFacts(
        detectors=[name.value for name in reading.detectors],
        first_ms=reading.first * MINUTE_MS,
        at_ms=surge.at_ms,
        count=reading.count,
        total=reading.total,
        baseline=round(reading.baseline, 2),
        score=round(reading.score, 2),
        tweets=[
            SurgeTweet(
                at_ms=tweet.at_ms,
                text=tweet.text,
                score=tweet.score,
                author=tweet.author,
                answered_ms=tweet.answered_ms,
            )
            for tweet in typical(now, TWEETS_TOLD)
        ],
        words=risen(now, before, WORDS_TOLD),
        points=_points(watch, reading.end),
        step_ms=STEP_MINUTES * MINUTE_MS,
    )
    return RaisedAlert(
        alert_key=sha1(f"{surge.scope}\n{SURGE}\n{reading.first}".encode(), usedforsecurity=False).hexdigest(),
        scope=surge.scope,
        rule=SURGE,
        fired_ms=now_ms,
        window_ms=(reading.end - reading.first) * MINUTE_MS,
        cooldown_ms=quiet * MINUTE_MS,
        suppressed_before=0,
        errors=[],
        surge=facts,
    )


def _points(watch: Watch, end: int) -> list[SurgePoint]:
    starts = range(end - STEPS * STEP_MINUTES, end, STEP_MINUTES)
    tallies = [(start, watch.counts.tally(start, start + STEP_MINUTES)) for start in starts]
    return [SurgePoint(at_ms=at * MINUTE_MS, negative=tally.negative, total=tally.total) for at, tally in tallies]


def _hours_of(watch: Watch) -> set[int]:
    oldest = max(watch.counts.started, watch.counts.newest - KEPT_MINUTES + 1)
    return set(range(oldest // 60, watch.counts.newest // 60 + 1))
