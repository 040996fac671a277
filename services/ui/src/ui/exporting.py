"""Results as files: safe to open in a spreadsheet, untouched for machines, and what could not be predicted."""

import csv
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import time
from uuid import uuid4

from ui.scoring import Run
from vigie.cells import safe as safe_cell
from vigie.wording import Texts

KEPT_SECONDS = 4 * 3600

_ADDED = ("vigie_sentiment", "vigie_probability_negative", "vigie_model", "vigie_version", "vigie_prediction_id")


def export_files(run: Run, texts: Texts) -> tuple[str, str, str]:
    """Paths of the safe file, the raw file, and the file of the rows that were not predicted."""
    folder = _fresh_folder()
    stem = Path(run.table.name).stem[:60] if run.table else "tweets"
    safe, raw, errors = (folder / f"{stem}-{name}.csv" for name in ("vigie", "vigie-raw", "vigie-errors"))
    header = [*(run.table.columns if run.table else ()), *_ADDED]
    delimiter = ";" if texts.language == "fr" else ","
    harmless = ([safe_cell(cell) for cell in row] for row in _results(run))
    _write(safe, [safe_cell(name) for name in header], harmless, delimiter, encoding="utf-8-sig")
    _write(raw, header, _results(run), ",", encoding="utf-8")
    missed = (
        [str(line), run.problems.get(row) or texts("file.not_sent"), safe_cell(run.texts[row])]
        for row, (line, answer) in enumerate(zip(run.lines, run.answers, strict=True))
        if answer is None
    )
    _write(errors, ["row", "problem", safe_cell(run.column)], missed, delimiter, encoding="utf-8-sig")
    return str(safe), str(raw), str(errors)


def _results(run: Run) -> Iterator[list[str]]:
    columns = run.table.columns.values() if run.table else ()
    for row, given in enumerate(zip(*columns, strict=True)):
        yield [*given, *_added(run, row)]


def _added(run: Run, row: int) -> list[str]:
    answer = run.answers[row]
    if answer is None:
        return [""] * len(_ADDED)
    negative = f"{answer.negative:.6f}"
    return [answer.sentiment.value, negative, answer.model.name, answer.model.version, answer.prediction_id]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, *, encoding: str) -> None:
    with path.open("w", encoding=encoding, errors="replace", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


def _fresh_folder() -> Path:
    """A folder of our own below the temporary one; those that nobody needs any more go."""
    home = Path(tempfile.gettempdir()) / f"vigie-page-{os.getuid()}"
    home.mkdir(exist_ok=True, mode=0o700)
    for old in home.iterdir():
        with suppress(FileNotFoundError):  # another thread has removed it
            if time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    folder = home / uuid4().hex
    folder.mkdir()
    return folder
