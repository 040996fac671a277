"""From an uploaded file to columns of text: CSV of any common encoding and delimiter, or Parquet."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from ui.parquet import UnreadableParquet, columns_of

MOST_ROWS = 50_000
MOST_COLUMNS = 200
DELIMITERS = (",", ";", "\t", "|")

_FIRST_LINE = 2  # the header is 1
_SAMPLE_BYTES = 256 * 1024
_SAMPLE_ROWS = 50
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TEXT_NAMES = ("text", "tweet", "texte", "message", "content", "contenu", "body", "comment", "commentaire")
_NUMBERS = set("0123456789.,-+eE:/ TZ")


class UnreadableFile(Exception):
    """`key` names the text that says why, `values` what came."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, as they stand in the file; `form` says how it was read (encoding, delimiter).

    `numbered` holds the line of each row; empty: they follow one another.
    """

    name: str
    form: str
    columns: dict[str, list[str]]
    numbered: Sequence[int] = ()

    @property
    def size(self) -> int:
        """How many rows."""
        return len(next(iter(self.columns.values()), []))

    @property
    def lines(self) -> Sequence[int]:
        """Where the rows stand in the file, counted like a spreadsheet does (the header is 1)."""
        return self.numbered or range(_FIRST_LINE, _FIRST_LINE + self.size)

    def rows(self, most: int) -> list[list[str]]:
        """The first rows."""
        return [list(row) for row in zip(*(column[:most] for column in self.columns.values()), strict=True)]


def read_table(path: Path) -> Table:
    """The file; raises `UnreadableFile` when it is neither, has no rows, or more than `MOST_ROWS`."""
    if path.stat().st_size == 0:
        raise UnreadableFile("file.trouble.empty")
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK"):
        raise UnreadableFile("file.trouble.workbook")
    table = _read_parquet(path) if start == b"PAR1" else _read_csv(path)
    if table.size == 0:
        raise UnreadableFile("file.trouble.empty")
    return table


def likely_text(table: Table) -> str:
    """The column that is most likely the tweets: by its name, else the one with the longest values."""
    by_name = {name.strip().lower(): name for name in table.columns}
    for wanted in _TEXT_NAMES:
        if wanted in by_name:
            return by_name[wanted]
    return max(table.columns, key=lambda name: sum(map(_letters, table.columns[name][:200])))


def _letters(value: str) -> int:
    return sum(character not in _NUMBERS for character in value)


def _read_parquet(path: Path) -> Table:
    try:
        read = list(columns_of(path, MOST_ROWS))
    except UnreadableParquet as error:
        if error.too_long:
            raise UnreadableFile("file.trouble.rows", most=MOST_ROWS) from error
        raise UnreadableFile("file.trouble.parquet", problem=error.problem[:200]) from error
    _check_width(read)
    names = _header([name for name, _ in read])
    return Table(path.name, "Parquet", {name: values for name, (_, values) in zip(names, read, strict=True)})


def _read_csv(path: Path) -> Table:
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as file:
            delimiter = _delimiter(list(islice(file, 4 * _SAMPLE_ROWS)))
            file.seek(0)
            columns, lines = _columns(csv.reader(_without_nul(file), delimiter=delimiter), delimiter)
    except UnicodeDecodeError:
        raise UnreadableFile("file.trouble.encoding", encoding=encoding) from None
    except csv.Error as error:
        raise UnreadableFile("file.trouble.csv", problem=str(error)) from error
    form = f"CSV, {encoding.upper().replace('_', '-')}, {'tab' if delimiter == chr(9) else delimiter!r}"
    return Table(path.name, form, columns, lines)


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if "\0" in line:
            raise UnreadableFile("file.trouble.binary")
        yield line


def _columns(rows: Iterator[list[str]], delimiter: str) -> tuple[dict[str, list[str]], Sequence[int]]:
    """The columns and the lines of their rows, blank ones left out.

    Short rows are filled up with nothing; what goes beyond the header belongs to the last column.
    """
    first = next(rows, [])
    _check_width(first)
    header = _header(first)
    last = len(header) - 1
    columns: list[list[str]] = [[] for _ in header]
    lines = array("I")
    for line, row in enumerate(rows, _FIRST_LINE):
        if not any(row):
            continue
        if len(columns[0]) == MOST_ROWS:
            raise UnreadableFile("file.trouble.rows", most=MOST_ROWS)
        fitted = [*row[:last], delimiter.join(row[last:])] if len(row) > last else row + [""] * (len(header) - len(row))
        for column, value in zip(columns, fitted, strict=True):
            column.append(value)
        lines.append(line)
    return dict(zip(header, columns, strict=True)), lines


def _check_width(header: Sequence[object]) -> None:
    """Before anything is filled up to that width."""
    if len(header) > MOST_COLUMNS:
        raise UnreadableFile("file.trouble.columns", count=len(header), most=MOST_COLUMNS)


def _header(row: Sequence[str]) -> list[str]:
    """Names of the columns, each once."""
    names: list[str] = []
    for number, cell in enumerate(row or ["text"], 1):
        name = cell.strip() or f"column {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return names


def _encoding(path: Path) -> str:
    """By its mark, else UTF-8 when it is that, else Western European when that reads well, else the best guess."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    if _is_utf8(path):
        return "utf-8"
    best = from_bytes(sample, cp_isolation=["cp1252"]).best() or from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while file.read(_SAMPLE_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(lines: Sequence[str]) -> str:
    """The one that cuts the first rows into the most columns, all alike; a comma when none does."""
    best, found = 1, ","
    for delimiter in DELIMITERS:
        sizes = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row][:_SAMPLE_ROWS]
        if sizes and sizes[0] > best and sum(size == sizes[0] for size in sizes) >= 0.9 * len(sizes):
            best, found = sizes[0], delimiter
    return found
