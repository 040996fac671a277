"""The supervisor's voice."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.servers import wait_for
from vigie.local.console import Console, missing, readable


def console() -> tuple[Console, list[str]]:
    lines: list[str] = []
    return Console(lines.append, colour=False, logs=Path("logs")), lines


def test_a_json_line_becomes_a_sentence_with_its_fields() -> None:
    assert readable('{"time":"t","level":"info","message":"model served","version":"3"}') == "model served version=3"
    assert readable('{"level":"error","message":"dead letter"}') == "ERROR dead letter"


def test_other_lines_stay_as_they_are() -> None:
    for line in ("plain", "[1, 2]", "{}", "", '"text"'):
        assert readable(line) == line


def test_a_line_that_comes_in_pieces_is_printed_once_complete() -> None:
    speaker, lines = console()
    speaker.output("gateway", "first\nsec")
    speaker.output("gateway", "ond\n")
    assert lines == ["           gateway | first\n", "           gateway | second\n"]


def test_a_program_that_keeps_dying_is_named_with_its_last_words() -> None:
    speaker, lines = console()
    speaker.output("feedback", "no such table\n")
    for tries in range(1, 10):
        speaker.state("PROCESS_STATE_BACKOFF", {"processname": "feedback", "tries": str(tries)})
    assert len(lines) == 3
    assert "feedback keeps dying: 3 quick deaths in a row, next try in 3 s" in lines[1]
    assert "no such table" in lines[2]
    assert "logs/feedback.log" in lines[2]


def test_a_death_is_told_and_an_expected_end_is_not() -> None:
    speaker, lines = console()
    ended = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    ended.wait()
    speaker.state("PROCESS_STATE_EXITED", {"processname": "starter", "expected": "1", "pid": str(ended.pid)})
    assert lines == []
    speaker.state("PROCESS_STATE_EXITED", {"processname": "gateway", "expected": "0", "pid": str(ended.pid)})
    assert "gateway died; it is started again" in lines[0]


def test_children_of_a_dead_program_are_ended() -> None:
    child = "import signal; signal.pause()"
    script = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True)"
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert program.stdout is not None
    orphan = psutil.Process(int(program.stdout.readline()))
    program.stdout.close()
    program.wait()
    console()[0].state("PROCESS_STATE_EXITED", {"processname": "mlflow", "expected": "0", "pid": str(program.pid)})
    wait_for(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, what="the orphan's end")


def test_colours_appear_only_where_they_are_wanted() -> None:
    lines: list[str] = []
    Console(lines.append, colour=True, logs=Path("logs")).line("gateway", "hello")
    assert lines[0].startswith("\033[36m")


def test_a_gateway_that_is_not_there_is_what_is_missing() -> None:
    assert missing("http://127.0.0.1:9/readyz") == "the gateway does not answer yet"
