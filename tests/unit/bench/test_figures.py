"""How the bench reads what it measured."""

import sys
from subprocess import PIPE, Popen

import pytest

from tests.bench.__main__ import figures
from tests.bench.load import Answers, finish, numbered
from tests.bench.memory import growth

OUTPUT = """RESULT 150.0 4.0 9.5 60 1
SEEN 200:40:50
SEEN 200:90:49
SEEN 200:1200:1
SEEN 429:5:60
UNSTATED 2
"""


def printed(output: str) -> "Popen[str]":
    return Popen([sys.executable, "-c", f"print({output!r}, end='')"], stdout=PIPE, text=True)


def test_answers_at_a_rate_are_told_apart_by_their_status() -> None:
    sample = finish(printed(OUTPUT), seconds=2)
    assert sample.answers == {200: Answers(50, 4.1, 9.1), 429: Answers(30, 0.6, 0.6)}
    assert (sample.rate, sample.bad, sample.broken, sample.unstated) == (150, 60, 1, 2)


def test_a_load_that_found_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="expected a result"):
        finish(printed("unable to connect"))


def test_no_tweet_is_sent_twice() -> None:
    tweets = [*numbered(["late", "late"]), *numbered(["late"])]
    assert len(set(tweets)) == 3


def test_growth_is_that_of_the_last_half() -> None:
    curve = [(float(second), 50.0 if second < 50 else 100.0 + second - 50) for second in range(101)]
    assert growth(curve) == pytest.approx(145.5 / 104.5 * 100 - 100, abs=1)
    assert growth([(0.0, 80.0), (1.0, 80.0)]) == 0


def test_every_figure_is_printed_with_its_place_and_a_curve_with_its_length() -> None:
    assert list(figures("memory", {"rss": {"gateway": 91.234}, "curve": [1, 2, 3], "n": 4})) == [
        ("memory rss gateway", "91.23"),
        ("memory curve", "3 points"),
        ("memory n", "4"),
    ]
