"""Streams of tweets from files: Parquet or CSV with `created_at`, `text`, and maybe a label, a scope, an author."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet

from vigie.errors import InvalidRequest

NEGATIVE_LABEL = 0
_LABELS = {name: label for label in (0, 1, 2) for name in (str(label), f"{label}.0")}


@dataclass(frozen=True, slots=True)
class Row:
    """One tweet of a file. `at_ms` is Unix time; `label` is 0 for negative, in files with two and three classes."""

    at_ms: int
    text: str
    label: int | None = None
    topic: str | None = None
    author: str | None = None


def read_rows(path: Path, scope_column: str | None) -> list[Row]:
    """The rows that have a time, in its order; raises `InvalidRequest` naming file, row and column."""
    if not path.is_file():
        raise InvalidRequest(f"{path}: no such file")
    names, records = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    missing = [name for name in ("created_at", "text", scope_column) if name and name not in names]
    if missing:
        raise InvalidRequest(f"{path}: expected a column {missing[0]!r}, got {', '.join(names)}")
    rows = [_row(path, number, record, scope_column) for number, record in enumerate(records, 1)]
    return sorted((row for row in rows if row), key=lambda row: row.at_ms)


def read_moment(value: object) -> int:
    """Unix milliseconds of an ISO 8601 time, UTC where no zone is given; raises `ValueError`."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _row(path: Path, number: int, record: Mapping[str, Any], scope_column: str | None) -> Row | None:
    if record["created_at"] in (None, "") or not str(record["text"] or "").strip():
        return None
    place, created_at = f"{path}, row {number}", str(record["created_at"])
    try:
        at_ms = read_moment(created_at)
    except ValueError:
        raise InvalidRequest(
            f"{place}, column created_at: expected an ISO 8601 time, got {created_at[:40]!r}"
        ) from None
    topic = str(record[scope_column] or "").strip()[:64] if scope_column else ""
    return Row(
        at_ms=at_ms,
        text=str(record["text"]).replace("\0", " ").strip(),
        label=_label(place, record.get("label")),
        topic=topic or None,
        author=str(record["author"]) if record.get("author") else None,
    )


def _label(place: str, value: object) -> int | None:
    """Also of a column of floats, which is what becomes of whole numbers with gaps: a gap is NaN there."""
    if value in (None, "") or value != value:  # noqa: PLR0124 - NaN alone is not itself
        return None
    if str(value) not in _LABELS:
        raise InvalidRequest(f"{place}, column label: expected 0, 1 or 2, got {str(value)[:40]!r}")
    return _LABELS[str(value)]


def _parquet(path: Path) -> tuple[list[str], Iterable[Mapping[str, Any]]]:
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InvalidRequest(f"{path}: expected a Parquet file: {error}") from None
    return list(table.column_names), table.to_pylist()


def _csv(path: Path) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            return list(reader.fieldnames or ()), iter(list(reader))
        except UnicodeDecodeError as error:
            came = f"the byte 0x{error.object[error.start]:02x} after line {reader.line_num}"
            raise InvalidRequest(f"{path}: expected UTF-8, got {came}") from None
        except csv.Error as error:
            raise InvalidRequest(f"{path}, after line {reader.line_num}: expected CSV, got: {error}") from None
