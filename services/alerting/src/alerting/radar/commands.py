"""`vigie-alerting replay`, `evaluate`: the radar on files, with a virtual clock."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress, track

from alerting.arguments import above_zero, whole
from alerting.gateway import Gateway
from alerting.radar import lines
from alerting.radar.evaluation import Size, Span, detections, quiet_alarms, tuned
from alerting.radar.parameters import ErrorRates, RadarParameters
from alerting.radar.planting import planted, read_burst, read_extent
from alerting.radar.radar import Radar
from alerting.radar.rows import NEGATIVE_LABEL, Row, read_rows
from alerting.radar.served import labelled, predicted
from alerting.radar.watch import Tweet
from alerting.settings import AlertingSettings
from vigie.durations import DAY_MS
from vigie.errors import InvalidRequest
from vigie.schemas import EVERYTHING

OFFSETS = [step / 4 for step in range(-8, 17)]
MOST_DRAWS, MOST_ALARMS, MOST_DAYS = 100_000, 1440, 3650


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `replay` and `evaluate` to the parser."""
    replaying = commands.add_parser("replay", help="run a file of tweets through the radar and print its alarms")
    evaluating = commands.add_parser("evaluate", help="measure the radar on a file: false alarms, detection, delay")
    for parser in (replaying, evaluating):
        parser.add_argument("file", type=Path, help="Parquet or CSV with created_at, text, and maybe label")
        parser.add_argument("--scope", metavar="COLUMN", help="the column that holds each tweet's topic")
        parser.add_argument("--labels", action="store_true", help="believe the labels instead of asking the model")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        parser.add_argument("--seed", type=int, default=0, help="of the synthetic bursts")
    plant = "a synthetic burst: scope,time,count,minutes (may be given again)"
    replaying.add_argument("--plant", action="append", default=[], metavar="SCOPE,TIME,COUNT,MINUTES", help=plant)
    evaluating.add_argument("--draws", type=whole(1, MOST_DRAWS), default=100, help="bursts of each size")
    evaluating.add_argument(
        "--burst", action="append", default=[], metavar="SCOPE,COUNT,MINUTES", help="a size of burst"
    )
    tuning = "first tune the thresholds to this on the first days"
    evaluating.add_argument("--alarms-per-day", type=above_zero(MOST_ALARMS), help=tuning)
    evaluating.add_argument("--tune-days", type=whole(1, MOST_DAYS), help="how many days that is (half of them)")


def replay(told: argparse.Namespace, settings: AlertingSettings) -> None:
    """Prints one line per alarm."""
    tweets, _ = read_tweets(told, settings)
    radar = Radar(parameters(settings, labels=told.labels))
    for tweet in shown(tweets, "replaying"):
        for surge in radar.feed(tweet):
            print_line(lines.alarm(surge, as_json=told.json))


def evaluate(told: argparse.Namespace, settings: AlertingSettings) -> None:
    """Prints what was measured, on the days that were tuned on and on the others."""
    tweets, negatives = read_tweets(told, settings)
    if not tweets:
        raise InvalidRequest(f"{told.file}: expected tweets, got none")
    radar = parameters(settings, labels=told.labels)
    tuning, reporting = spans(tweets, told.tune_days)
    if told.alarms_per_day is not None:
        radar, _ = tuned(tweets, radar, tuning, per_day=told.alarms_per_day, offsets=OFFSETS)
        print_line(f"thresholds: all {radar.everything.threshold:g}, topics {radar.topic.threshold:g}", err=told.json)
    sizes = [read_size(text) for text in told.burst] or usual_sizes(tweets)
    for name, span in (("tuned", tuning), ("report", reporting)):
        print_line(lines.quiet(name, quiet_alarms(tweets, radar, span), as_json=told.json))
        for found in detections(tweets, negatives, radar, span, sizes, draws=told.draws, seed=told.seed):
            print_line(lines.detection(name, found, as_json=told.json))


def parameters(settings: AlertingSettings, *, labels: bool) -> RadarParameters:
    """The service's own; people who label are taken not to err."""
    told = settings.radar()
    return replace(told, errors=ErrorRates()) if labels else told


def read_tweets(told: argparse.Namespace, settings: AlertingSettings) -> tuple[list[Tweet], list[Tweet]]:
    """The file's tweets and the planted ones, in the order of time; and those that bursts are made of."""
    rows = read_rows(told.file, told.scope)
    tweets = labelled(rows) if told.labels else ask(rows, settings)
    if told.labels and not tweets:
        raise InvalidRequest(f"{told.file}: --labels needs a column 'label'")
    bursts = [read_burst(text) for text in getattr(told, "plant", [])]
    negatives, chance = to_copy(rows, tweets), Random(told.seed)  # noqa: S311 - a draw to be repeated, no secret
    extra = [tweet for burst in bursts for tweet in planted(burst, negatives, chance)]
    return sorted(tweets + extra, key=lambda tweet: tweet.at_ms), negatives


def to_copy(rows: Sequence[Row], tweets: Sequence[Tweet]) -> list[Tweet]:
    """What bursts are made of: tweets that people call negative, where the file says so, else that the model does.

    So a planted tweet that the model does not recognise is missed, as it would be in life.
    """
    if len(rows) == len(tweets) and any(row.label is not None for row in rows):
        return [tweet for row, tweet in zip(rows, tweets, strict=True) if row.label == NEGATIVE_LABEL]
    return [tweet for tweet in tweets if tweet.negative]


def ask(rows: Sequence[Row], settings: AlertingSettings) -> list[Tweet]:
    """The served model's predictions, with a bar of progress on a terminal."""
    gateway = Gateway(settings.gateway_url, settings.gateway_api_key)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("asking the model", total=len(rows))
        return predicted(rows, gateway, lambda done: bar.advance(task, done))


def shown(tweets: Sequence[Tweet], what: str) -> "Sequence[Tweet] | Iterator[Tweet]":
    """The tweets, with a bar of progress on a terminal."""
    if not sys.stderr.isatty():
        return tweets
    return iter(track(tweets, what, console=Console(stderr=True), transient=True))


def spans(tweets: Sequence[Tweet], tune_days: int | None) -> tuple[Span, Span]:
    """The days to tune on and the days to report on; the first day is history for both where there are three."""
    first, last = tweets[0].at_ms // DAY_MS, tweets[-1].at_ms // DAY_MS + 1
    if last - first > 2:
        first += 1
    middle = first + (tune_days or max(1, (last - first) // 2))
    if middle >= last:
        raise InvalidRequest(f"expected more than {middle - first} days to tune on some and report on others")
    return (first * DAY_MS, middle * DAY_MS), (middle * DAY_MS, last * DAY_MS)


def usual_sizes(tweets: Sequence[Tweet]) -> list[Size]:
    """The bursts of the README, on the largest topic and on everything."""
    topics = [tweet.topic for tweet in tweets if tweet.topic]
    largest = max(set(topics), key=topics.count) if topics else EVERYTHING
    sizes = [Size(largest, count, minutes) for count, minutes in ((6, 15.0), (12, 15.0), (24, 30.0), (48, 30.0))]
    return sizes + [Size(EVERYTHING, count, 30.0) for count in (24, 48) if topics]


def read_size(told: str) -> Size:
    """`scope,count,minutes`; raises `InvalidRequest`."""
    try:
        scope, count, minutes = told.split(",")
        return Size(scope.strip(), *read_extent(count, minutes))
    except ValueError as error:
        raise InvalidRequest(f"--burst: expected scope,count,minutes, got {told!r} ({error})") from None


def print_line(line: str, *, err: bool = False) -> None:
    """To standard output, at once."""
    (sys.stderr if err else sys.stdout).write(line + "\n")
    (sys.stderr if err else sys.stdout).flush()
