"""What the command line says: tables and progress for people, JSON for machines."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from vigie_training.recipes import Report

LINE_SECONDS = 10.0


def show(result: Any, lines: Sequence[str], *, as_json: bool, tables: Sequence[Table] = ()) -> None:
    """Prints the result as one JSON document, or the tables and lines."""
    if as_json:
        typer.echo(json.dumps(result, default=str, allow_nan=False))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in tables:
        console.print(table)
    for line in lines:
        typer.echo(line)


def table(title: str, records: Sequence[dict[str, Any]]) -> Table:
    """One row per record, one column per key of the first; what people wrote stays as they wrote it."""
    made = Table(title=title, title_justify="left")
    for name in records[0] if records else ():
        made.add_column(name.replace("_", " "), justify="left" if isinstance(records[0][name], str) else "right")
    for record in records:
        made.add_row(*map(_cell, record.values()))
    return made


@contextmanager
def progress(steps: int | None, clock: Callable[[], float] = monotonic) -> Iterator[Report]:
    """Tells on standard error what is done: a bar of so many steps (None: nobody knows), each report is a step.

    Where that is no terminal, a line with the time at most every `LINE_SECONDS`: a log shows that work goes on.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(clock).report
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=steps)

        def report(what: str) -> None:
            bar.update(task, description=what, advance=1)

        yield report


def _cell(value: object) -> Text:
    """As a plain string, rich would take brackets in it for a style and `:x:` for a picture."""
    if isinstance(value, float):
        return Text(f"{value:.4f}")
    return Text("–" if value is None else str(value))


class _Lines:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = self._told = clock()

    def report(self, what: str) -> None:
        now = self._clock()
        if now - self._told >= LINE_SECONDS:
            self._told = now
            sys.stderr.write(f"{now - self._started:6.0f} s  {what}\n")
            sys.stderr.flush()
