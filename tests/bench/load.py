"""wrk (Debian package), driven from Python; its side of the work is `load.lua`."""

import json
import os
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Required, TypedDict, Unpack

KEY = "bench-key"
_SCRIPT = Path(__file__).with_name("load.lua")
_NUMBERS = count(0, 1_000_000)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one status to a load at a given rate: how many a second, and their latencies in ms."""

    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: requests per second, latencies in ms, answers that were not 200, requests that got none.

    With a given rate also the answers by status, and how many 429 had no `Retry-After`.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    bad: int
    broken: int
    answers: dict[int, Answers] = field(default_factory=dict)
    unstated: int = 0


class How(TypedDict, total=False):
    """As fast as the gateway answers, or `rate` requests a second while connections suffice; more than one tweet a
    request go as a `batch`; a `model` by name, or the default; tweets `distinct` or again and again the same.
    """

    connections: Required[int]
    model: str
    distinct: bool
    rate: float
    batch: int


class Load:
    """One tweet of `texts` a request; a tweet that is `numbered` ends with a number that no other one has."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        self.texts = texts
        self._bodies = folder / "bodies.jsonl"
        self._bodies.write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")

    def run(self, url: str, *, seconds: int, warm_up: int = 2, **how: Unpack[How]) -> Sample:
        """Loads the gateway at `url`, after some seconds that do not count."""
        if warm_up:
            finish(self.begin(url, seconds=warm_up, **how))
        return finish(self.begin(url, seconds=seconds, **how), seconds if how.get("rate") else 0)

    def begin(self, url: str, *, seconds: int, **how: Unpack[How]) -> "subprocess.Popen[str]":
        """The same, not waited for: see `finish`."""
        batch = how.get("batch", 1)
        variables = {
            "BODIES": str(self._bodies),
            "KEY": KEY,
            "MODEL": how.get("model", ""),
            "DISTINCT": str(int(how.get("distinct", True))),
            "START": str(next(_NUMBERS)),
            "RATE": str(how.get("rate", 0.0)),
            "BATCH": str(batch),
        }
        command = ["wrk", "-t1", f"-c{how['connections']}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT)]
        return subprocess.Popen(
            [*command, f"{url}/predict{'/batch' if batch > 1 else ''}"],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
        )


def numbered(texts: Sequence[str]) -> list[str]:
    """The same texts as they come from wrk: each with a number of its own."""
    first = next(_NUMBERS)
    return [f"{text} {first + number}" for number, text in enumerate(texts)]


def finish(process: "subprocess.Popen[str]", seconds: int = 0) -> Sample:
    """What a load that was begun has found; answers are told apart where it ran at a rate, for so many `seconds`."""
    output, _ = process.communicate()
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+) (\d+)", output)
    if process.returncode or not found:
        raise RuntimeError(f"wrk: expected a result, got exit code {process.returncode} and {output[-500:]!r}")
    rate, p50, p99, bad, broken = found.groups()
    tenths: dict[int, Counter[int]] = {}
    for status, tenth, times in re.findall(r"SEEN (\d+):(\d+):(\d+)", output):
        tenths.setdefault(int(status), Counter())[int(tenth)] = int(times)
    answers = {status: _answers(counts, seconds) for status, counts in tenths.items()} if seconds else {}
    unstated = sum(int(number) for number in re.findall(r"UNSTATED (\d+)", output))
    return Sample(float(rate), float(p50), float(p99), int(bad), int(broken), answers, unstated)


def middle(taken: Sequence[Sample]) -> dict[str, float]:
    """The median of each figure over the rounds; what was not answered with 200 is added up."""
    return {
        "requests_per_s": statistics.median(sample.rate for sample in taken),
        "p50_ms": statistics.median(sample.p50_ms for sample in taken),
        "p99_ms": statistics.median(sample.p99_ms for sample in taken),
        "not_200": sum(sample.bad + sample.broken for sample in taken),
    }


def _answers(tenths: Counter[int], seconds: int) -> Answers:
    ordered = sorted(tenths.items())
    return Answers(tenths.total() / seconds, _quantile(ordered, 0.5), _quantile(ordered, 0.99))


def _quantile(ordered: list[tuple[int, int]], share: float) -> float:
    left = share * sum(times for _, times in ordered)
    for tenth, times in ordered:
        left -= times
        if left <= 0:
            return (tenth + 1) / 10
    return 0.0
