"""Locks between processes."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from vigie_training.lock import alone

KILLED = """
import os, signal, sys
from pathlib import Path
from vigie_training.lock import alone
with alone(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_one_at_a_time_and_the_next_one_waits(tmp_path: Path) -> None:
    waits = list[int]()
    with ExitStack() as first:
        first.enter_context(alone(tmp_path / "a.lock"))
        with pytest.raises(BlockingIOError), alone(tmp_path / "a.lock"):
            pass

        def wait() -> None:
            waits.append(1)
            first.close()

        with alone(tmp_path / "a.lock", wait), pytest.raises(BlockingIOError), alone(tmp_path / "a.lock"):
            pass
    assert waits == [1]
    assert not list(tmp_path.iterdir()), "no lock is left behind"


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.lock")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "a.lock").exists()
    with alone(tmp_path / "a.lock"):
        pass
    assert not list(tmp_path.iterdir())
