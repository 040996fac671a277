"""What the command line says: tables and progress for people, JSON for machines."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vigie_training.recipes import Report


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
    """One row per record, one column per key of the first."""
    made = Table(title=title, title_justify="left")
    for name in records[0] if records else ():
        made.add_column(name.replace("_", " "), justify="left" if isinstance(records[0][name], str) else "right")
    for record in records:
        made.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in record.values()))
    return made


@contextmanager
def progress(steps: int | None) -> Iterator[Report]:
    """A bar of so many steps (None: nobody knows) on standard error when that is a terminal; each report is a step."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=steps)

        def report(what: str) -> None:
            bar.update(task, description=what, advance=1)

        yield report
