"""How many mails other settings of the error rule would have sent: a back-test on the votes that were given."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

from alerting.gateway import Gateway
from alerting.settings import AlertingSettings
from vigie.durations import DAY_MS
from vigie.errors import InvalidRequest
from vigie.schemas import FeedbackPage

NEEDED = (2, 3, 5, 8, 12)
WINDOWS_S = (60, 300, 900, 3600)
COOLDOWNS_S = (0, 900, 3600)
SCOPES: tuple[Literal["all", "model"], ...] = ("all", "model")

Setting = tuple[Literal["all", "model"], int, float, float]
"""Scope, errors needed, window and cool-down in seconds."""


@dataclass(frozen=True, slots=True)
class WrongPrediction:
    """A prediction that people call wrong, since `at_ms`, and which version made it."""

    at_ms: int
    version: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One setting of the rule, and what it would have done."""

    errors: int
    window_seconds: float
    cooldown_seconds: float
    scope: str
    mails: int
    mails_per_day: float


def mails(times_ms: Sequence[int], *, needed: int, window_ms: int, cooldown_ms: int) -> int:
    """How often the rule fires on errors in the order of time: newest - oldest < window, quiet for the cool-down."""
    fired, count = None, 0
    for place in range(needed - 1, len(times_ms)):
        now = times_ms[place]
        quiet = fired is not None and now - fired < cooldown_ms
        if not quiet and now - times_ms[place - needed + 1] < window_ms:
            fired, count = now, count + 1
    return count


def back_test(errors: Sequence[WrongPrediction], days: float, in_force: Setting) -> Iterator[Outcome]:
    """Every setting of the grid, and the one in force, in order."""
    by_scope = {"all": [sorted(error.at_ms for error in errors)], "model": list(_by_version(errors))}
    for scope, needed, window, cooldown in sorted({*product(SCOPES, NEEDED, WINDOWS_S, COOLDOWNS_S), in_force}):
        sent = sum(
            mails(times, needed=needed, window_ms=round(window * 1000), cooldown_ms=round(cooldown * 1000))
            for times in by_scope[scope]
        )
        yield Outcome(needed, window, cooldown, scope, sent, sent / days)


def calibrate(told: argparse.Namespace, settings: AlertingSettings) -> None:
    """Prints mails per day for each setting of the rule; the setting in force is marked."""
    until = datetime.now(UTC)
    errors = read_errors(settings, until - timedelta(days=told.days))
    if not errors:
        raise InvalidRequest(f"expected predictions that people called wrong in the last {told.days:g} days, got none")
    days = max((until.timestamp() * 1000 - min(error.at_ms for error in errors)) / DAY_MS, 1.0)
    rule = (settings.alert_scope, settings.alert_errors, settings.alert_window_seconds, settings.alert_cooldown_seconds)
    if not told.json:
        sys.stdout.write(f"{len(errors)} wrong predictions in {days:.1f} days\n")
        sys.stdout.write("scope   errors  window s  cool-down s   mails  mails a day\n")
    for outcome in back_test(errors, days, rule):
        now = rule == (outcome.scope, outcome.errors, outcome.window_seconds, outcome.cooldown_seconds)
        sys.stdout.write((json.dumps(asdict(outcome) | {"now": now}) if told.json else _line(outcome, now=now)) + "\n")


def read_errors(settings: AlertingSettings, since: datetime) -> list[WrongPrediction]:
    """Predictions with a standing `incorrect` vote since then, each once, at its earliest vote; asks the gateway."""
    gateway = Gateway(settings.gateway_url, settings.gateway_api_key)
    fields = {"verdict": "incorrect", "limit": "500", "since": since.isoformat()}
    earliest: dict[str, WrongPrediction] = {}
    while True:
        page = gateway.get("/feedback", fields, FeedbackPage)
        for vote in page.items:
            at_ms = int(vote.created_at.timestamp() * 1000)
            earliest[vote.prediction_id] = WrongPrediction(at_ms, f"{vote.model.name}:{vote.model.version}")
        if page.next_cursor is None:
            return list(earliest.values())
        fields["cursor"] = page.next_cursor


def _by_version(errors: Sequence[WrongPrediction]) -> Iterator[list[int]]:
    for version in sorted({error.version for error in errors}):
        yield sorted(error.at_ms for error in errors if error.version == version)


def _line(outcome: Outcome, *, now: bool) -> str:
    return (
        f"{outcome.scope:<6} {outcome.errors:>7} {outcome.window_seconds:>9g} {outcome.cooldown_seconds:>12g} "
        f"{outcome.mails:>7} {outcome.mails_per_day:>12.2f}{'  <- now' if now else ''}"
    )
