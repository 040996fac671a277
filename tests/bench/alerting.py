"""How fast the error rule judges, how soon a mail is there, and what the radar keeps in memory."""

import asyncio
import mailbox
import statistics
import time
import tracemalloc
from pathlib import Path

import httpx
from redis.asyncio import Redis

from alerting.radar.counts import KEPT_MINUTES, MinuteCounts
from alerting.rule import ErrorRule, RuleParameters
from tests.support.alerts import error_state
from tests.support.servers import RedisServer, wait_for
from tests.support.system import LocalSystem

STATES, PIPELINE = 20_000, 200
ALERTS = 100


def measure(folder: Path) -> dict[str, object]:
    """`rule_events_per_s` of one worker on a Redis of its own; `vote_to_mail_p50_ms`, `_p95_ms`; the radar's memory."""
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    server.start()
    try:
        rate = asyncio.run(rule_rate(server.url))
    finally:
        server.stop()
    return {"rule_events_per_s": rate, **vote_to_mail(folder / "mails"), "radar_scope_kb": radar_memory() / 1024}


async def rule_rate(url: str) -> float:
    """Errors judged per second, in pipelines as the service reads them; the cool-down suppresses all but one alert."""
    now = int(time.time() * 1000)
    states = [error_state(f"p{number}", now - STATES + number) for number in range(STATES)]
    async with Redis.from_url(url) as redis:
        rule = ErrorRule(redis, RuleParameters())
        started = time.perf_counter()
        for start in range(0, STATES, PIPELINE):
            await rule.judge(states[start : start + PIPELINE])
        return STATES / (time.perf_counter() - started)


def vote_to_mail(home: Path) -> dict[str, float]:
    """From the 201 of the vote that fires to the mail in the mailbox, over a hundred alerts of a whole local system."""
    settings = {"ALERT_COOLDOWN_SECONDS": "0.001", "ALERT_ERRORS": "1", "ALERT_SCOPE": "all", "RADAR_ENABLED": "false"}
    system = LocalSystem(home, **settings)
    system.start()
    try:
        with httpx.Client(base_url=system.url, timeout=30) as client:
            taken = [one_alert(client, home / "mailbox", number) for number in range(ALERTS)]
    finally:
        system.stop()
    cuts = statistics.quantiles(taken, n=20)
    return {"vote_to_mail_p50_ms": statistics.median(taken) * 1000, "vote_to_mail_p95_ms": cuts[-1] * 1000}


def one_alert(client: httpx.Client, folder: Path, number: int) -> float:
    """Seconds between the answer to a vote and its mail."""
    name = client.post("/predict", json={"text": f"gate changed again, number {number}"}).json()["prediction_id"]
    client.post("/feedback", json={"prediction_id": name, "verdict": "incorrect"}).raise_for_status()
    answered = time.perf_counter()
    kept = mailbox.Maildir(folder)
    wait_for(lambda: len(kept) > number, what="the mail")
    return time.perf_counter() - answered


def radar_memory() -> int:
    """Bytes of the counts of one scope that has been watched for more than it keeps."""
    tracemalloc.start()
    counts = MinuteCounts(0)
    for minute in range(2 * KEPT_MINUTES):
        counts.add(minute, negative=minute % 2 == 0)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held
