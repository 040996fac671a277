"""Programs that do nothing but write down how they were called."""

import os
import sys
from pathlib import Path

# Every call is a line of words; what came on standard input lies beside it, and the caller's folder as it was then.
_SCRIPT = """#!/bin/bash
echo "{name} $*" >> "{folder}/calls"
{body}
"""


class Programs:
    """A folder for the front of `PATH`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "programs"
        self.path.mkdir()

    def add(self, name: str, body: str = "") -> None:
        """One that runs `body`, a line of bash, after it has written down its call."""
        script = self.path / name
        script.write_text(
            _SCRIPT.format(name=name, folder=self.folder, body=body.format(name=name, folder=self.folder))
        )
        script.chmod(0o755)

    def add_python(self) -> None:
        """The interpreter of the tests, written down when it runs a module."""
        self.add("python", f'[ "${{{{1:-}}}}" = -m ] || exec {sys.executable} "$@"')

    def environment(self) -> dict[str, str]:
        """Variables of a process that finds them first."""
        return {"PATH": f"{self.path}:{os.environ['PATH']}", "HOME": str(self.folder)}

    def calls(self) -> list[str]:
        """What was called, in order."""
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def kept(self, name: str) -> str:
        """What a program was told on standard input, by all of its calls."""
        return (self.folder / f"{name}.stdin").read_text()
