"""Reads a Parquet file in a process of its own, which ends afterwards: Arrow would keep 50 MB of the page's memory.

`python -m ui.parquet PATH MOST_ROWS` writes a line of JSON for each column, its name and its values as text.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 60
_TOO_LONG = 3


class UnreadableParquet(Exception):
    """Says why; `too_long` is whether it is a sound file with more rows than were wanted."""

    def __init__(self, problem: str, *, too_long: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.too_long = too_long


def columns_of(path: Path, most_rows: int) -> Iterator[tuple[str, list[str]]]:
    """Name and values of each column, a null as an empty text; raises `UnreadableParquet`."""
    command = [sys.executable, "-m", "ui.parquet", str(path), str(most_rows)]
    try:
        read = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired as error:
        raise UnreadableParquet(f"not read within {SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        problem = said[-1] if said else f"reading it ended with {error.returncode}"
        raise UnreadableParquet(problem, too_long=error.returncode == _TOO_LONG) from error
    for line in read.stdout.splitlines():
        name, values = json.loads(line)
        yield name, values


def main() -> None:
    """Writes what the file holds; ends with a status other than 0 and the reason when it cannot be read."""
    import pyarrow as pa  # noqa: PLC0415 - not in the page's own process
    import pyarrow.parquet as pq  # noqa: PLC0415

    path, most_rows = sys.argv[1], int(sys.argv[2])
    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > most_rows:
            sys.exit(_TOO_LONG)
        content = file.read()
        for name, column in zip(content.column_names, content.columns, strict=True):
            line = json.dumps([name, list(map(_cell, column))], ensure_ascii=False)
            sys.stdout.buffer.write(line.encode() + b"\n")
    except (pa.ArrowException, OSError, ValueError) as error:
        sys.exit(str(error))


def _cell(value: Any) -> str:
    return str(value) if value.is_valid else ""


if __name__ == "__main__":
    main()
