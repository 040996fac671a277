"""A page by itself, in a process of its own, in front of whatever gateway it is told of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


@contextmanager
def lone_page(folder: Path, **variables: str) -> Iterator[ServerProcess]:
    """Runs while the block does; its port is the process' `port`, its log lies in the folder."""
    port = free_port()
    command, told = [sys.executable, "-m", "ui"], {"UI_PORT": str(port)} | variables
    served = ServerProcess(command, port=port, log=folder / "ui.log", environment=told)
    served.start(seconds=240)
    try:
        yield served
    finally:
        served.stop()
