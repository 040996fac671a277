"""How an operator's command ends."""

import subprocess
import sys

import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy.exc import ArgumentError

from vigie.commands import telling
from vigie.errors import Unavailable


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RedisGone("Connection refused"), "vigie-test: REDIS_URL: Connection refused"),
        (ArgumentError("no such dialect"), "vigie-test: DATABASE_URL: no such dialect"),
        (Unavailable("the store does not answer"), "vigie-test: the store does not answer"),
        (FileNotFoundError(2, "No such file", "x.csv"), "vigie-test: [Errno 2] No such file: 'x.csv'"),
    ],
)
def test_what_goes_wrong_is_a_sentence_in_the_commands_name(error: Exception, sentence: str) -> None:
    with pytest.raises(SystemExit) as stopped, telling("vigie-test"):
        raise error
    assert stopped.value.code == sentence


def test_a_mistake_of_ours_stays_a_traceback() -> None:
    with pytest.raises(ZeroDivisionError), telling("vigie-test"):
        raise ZeroDivisionError


def test_whoever_stops_reading_is_told_nothing() -> None:
    printing = """
import sys
from vigie.commands import telling
with telling("vigie-test"):
    for number in range(100_000):
        sys.stdout.write(f"line {number}\\n")
"""
    command = subprocess.Popen([sys.executable, "-c", printing], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout
    assert command.stdout.readline() == b"line 0\n"
    command.stdout.close()
    assert command.stderr
    with command.stderr as errors:
        assert errors.read() == b""
    assert command.wait(timeout=30) == 1
