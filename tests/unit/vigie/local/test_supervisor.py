"""The supervisor at a terminal of its own."""

import os
import pty
import sys
from pathlib import Path

import psutil

from tests.support.servers import wait_for
from vigie.local.programs import Program
from vigie.local.supervision import configuration


def test_a_closed_terminal_ends_the_supervisor_and_its_programs(tmp_path: Path) -> None:
    for folder in ("run", "logs"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "supervisord.conf"
    path.write_text(configuration([Program("cat", ("cat",))], tmp_path, "http://127.0.0.1:9/readyz"), "utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "vigie.local.supervisor", "-c", str(path)])  # noqa: S606 - no shell wanted
    try:
        wait_for(lambda: names(child) == ["cat", "console"], what="every program")
        programs = psutil.Process(child).children()
    finally:
        os.close(terminal)
    wait_for(lambda: os.waitpid(child, os.WNOHANG)[0] == child, what="the supervisor's end")
    assert not any(program.is_running() for program in programs)


def names(supervisor: int) -> list[str]:
    """The programs that have become what they should be."""
    lines = [process.cmdline() for process in psutil.Process(supervisor).children()]
    return sorted("console" if "vigie.local.console" in line else line[0] for line in lines if line)
