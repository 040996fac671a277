"""A lock between the processes of one machine."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def alone(path: Path, wait: Callable[[], object] | None = None) -> Iterator[None]:
    """Only one process at a time is within this for that path, in a folder that is there; the file goes afterwards.

    While another process is, `wait` is called between two tries; without it `BlockingIOError` is raised. A process
    that ended, however it did, holds the lock no longer (`flock`).
    """
    while (held := _held(path)) is None:
        if wait is None:
            raise BlockingIOError(f"{path}: held by another process")
        wait()
    with held:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is held: who opened it before sees that it is no longer there


def _held(path: Path) -> IO[bytes] | None:
    with ExitStack() as left:
        file = left.enter_context(path.open("ab"))
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                left.pop_all()
                return file
    return None
