"""Reads labelled tweets from Parquet and CSV files; a file that is not as expected is an error that names the place."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from pathlib import Path
from typing import TextIO

import pandas as pd
import pyarrow
import pyarrow.parquet

from vigie_training.errors import TrainingError, WrongFile
from vigie_training.known import KNOWN, Labels, known_set
from vigie_training.rows import DAY, LABEL, POOLED, SAMPLING, SOURCE, TEXT, Rows, joined

SAMPLE_TWEETS = Path(__file__).with_name("sample_tweets.csv")
SENTIMENT140_COLUMNS = ("label", "id", "created_at", "query", "user", "text")
CREATED_AT = "created_at"
_COLUMNS = (TEXT, LABEL, CREATED_AT, SAMPLING)
_LONGEST_NAME = 100  # MLflow takes metrics' names of up to 250 characters, and ours are longer than their data set's
_SUFFIXES = (".parquet", ".csv")
_ORIGINAL_LABELS = {"0": "negative", "2": "neutral", "4": "positive"}
_CODES = {"0": 0, "1": 1, "2": 2, "4": 4, "negative": 0, "neutral": 2, "positive": 4}
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_NAMES = frozenset({"negative", "neutral", "positive"})


def read(paths: Sequence[Path], labels: Labels = "auto", on_file: Callable[[str], None] = lambda _: None) -> Rows:
    """The labelled rows of files and folders; without a path: the sample rows.

    Of a folder, the data sets known by name are read. Raises `WrongFile`, or `TrainingError` when there is no data.
    """
    files = [file for path in (paths or [SAMPLE_TWEETS]) for file in _files(path)]
    times = Counter(file.resolve() for file in files)
    if repeated := {file.name for file in files if times[file.resolve()] > 1}:
        raise TrainingError(f"expected each file once, got {sorted(repeated)} more than once")
    parts = []
    for file in files:
        on_file(file.name)
        parts.append(read_file(file, labels))
    rows = joined(parts)
    if missing := {0, 1} - set(rows.labels.tolist()):
        raise TrainingError(f"expected rows of both labels, got none with label {missing.pop()} in {len(rows)} rows")
    return rows


def read_file(path: Path, labels: Labels = "auto") -> Rows:
    """The rows of one file with neutral ones left out. Its name without the suffix names the data set.

    What the labels say of themselves (see `_binary`) wins over `labels`, and that over what is known of the data set.
    """
    frame = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    codes = [_code(path, number, value) for number, value in enumerate(frame[LABEL], 1)]
    for number, text in enumerate(frame[TEXT], 1):
        if not isinstance(text, str) or not text.strip():
            raise WrongFile(path, f"expected a text, got {text!r}", row=number, column=TEXT)
    named = any(str(value).strip().lower() in _NAMES for value in frame[LABEL])
    family = labels if labels != "auto" else known_set(path.stem).labels
    frame = pd.DataFrame(
        {
            TEXT: frame[TEXT].to_numpy(object),
            LABEL: _binary(path, codes, "named" if named else family),
            SOURCE: _source(path),
            DAY: _words(frame[CREATED_AT]).str[:10].to_numpy(object) if CREATED_AT in frame else "",
            SAMPLING: _words(frame[SAMPLING]).to_numpy(object) if SAMPLING in frame and path.stem in KNOWN else "",
        }
    )
    return Rows(frame[frame[LABEL] >= 0].reset_index(drop=True))


def _words(column: "pd.Series[str]") -> "pd.Series[str]":
    return column.astype(object).fillna("").astype(str)


def _source(path: Path) -> str:
    """The data set's name, in letters that a metric's name may have, and not too many of them."""
    name = re.sub(r"[^\w\-. ]", "_", path.stem, flags=re.ASCII)
    if len(name) > _LONGEST_NAME:
        whole = hashlib.sha256(path.stem.encode(errors="surrogateescape")).hexdigest()
        name = f"{name[: _LONGEST_NAME - 9]}-{whole[:8]}"
    if name == POOLED:
        raise WrongFile(path, f"expected another name: {POOLED!r} stands for all data sets together")
    return name


def sample_texts() -> list[str]:
    """The tweets that ship with the project: free to show, to store and to send."""
    return read_file(SAMPLE_TWEETS).texts


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = [file for file in sorted(path.iterdir()) if file.stem in KNOWN and file.suffix.lower() in _SUFFIXES]
        if not found:
            raise TrainingError(f"{path}: expected at least one data set of {', '.join(KNOWN)}, got none")
        return found
    if not path.is_file():
        raise WrongFile(path, "expected a file or a folder, got nothing of that name")
    if path.suffix.lower() not in _SUFFIXES:
        raise WrongFile(path, f"expected a .parquet or .csv file, got suffix {path.suffix!r}")
    return [path]


def _parquet(path: Path) -> pd.DataFrame:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_once(path, names)
            # What nobody reads may hold what pandas cannot, and what pandas has written as an index is a column too.
            table = file.read([name for name in _COLUMNS if name in names])
            table.validate(full=True)
            for name in {CREATED_AT, SAMPLING}.intersection(names):
                table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pyarrow.string()))
            frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        raise WrongFile(path, f"expected a Parquet file: {error}") from error
    return _with_columns(path, frame, names)


def _csv(path: Path) -> pd.DataFrame:
    try:
        original = _is_original_sentiment140(_first_record(path, "latin-1"))
        if not original:
            _check_once(path, _first_record(path, "utf-8-sig"))
        frame = pd.read_csv(
            path,
            encoding="latin-1" if original else "utf-8-sig",
            header=None if original else 0,
            names=list(SENTIMENT140_COLUMNS) if original else None,
            dtype=str,
            keep_default_na=False,
        )
    except UnicodeDecodeError as error:
        raise _not_utf_8(path, error) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise WrongFile(path, f"expected comma-separated rows of equal length: {error}".strip()) from error
    except OSError as error:
        raise WrongFile(path, f"expected a file that can be read: {error.strerror}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what is too much for names of rows
        columns = len(frame.columns)
        raise WrongFile(path, f"expected {columns} values like the header, got more: quote texts with commas", row=1)
    if original:
        frame[CREATED_AT], frame[LABEL] = "", frame[LABEL].replace(_ORIGINAL_LABELS)
    return _with_columns(path, frame, frame.columns.tolist())


def _not_utf_8(path: Path, error: UnicodeDecodeError) -> WrongFile:
    """Names the row and the column: what pandas says counts from where it began to read."""
    byte, row, column = error.object[error.start], None, None
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file, suppress(csv.Error):
        header = next(_records(file), [])
        values = ((0, None, value) for value in header)
        others = ((row, *cell) for row, record in enumerate(_records(file), 1) for cell in zip_longest(header, record))
        for number, name, value in chain(values, others):
            if escaped := _NOT_UTF_8.search(value or ""):
                byte, row, column = ord(escaped[0]) - 0xDC00, number or None, name
                break
    return WrongFile(path, f"expected UTF-8 text, got byte 0x{byte:02x}", row=row, column=column)


def _records(file: TextIO) -> Iterator[list[str]]:
    """Those that pandas counts: a blank line is none. Raises `csv.Error` for a quotation mark without its like."""
    return (record for record in csv.reader(file) if len(record) > 1 or "".join(record).strip())


def _first_record(path: Path, encoding: str) -> list[str]:
    with path.open(encoding=encoding, newline="") as file, suppress(csv.Error):
        return next(_records(file), [])
    return []


def _is_original_sentiment140(first: list[str]) -> bool:
    """Six fields without a header, the first of them 0, 2 or 4, the second a number."""
    return len(first) == len(SENTIMENT140_COLUMNS) and first[0] in ("0", "2", "4") and first[1].isdecimal()


def _check_once(path: Path, columns: Sequence[str]) -> None:
    for name in _COLUMNS:
        if columns.count(name) > 1:
            raise WrongFile(path, "expected each column once, got it more than once", column=name)


def _with_columns(path: Path, frame: pd.DataFrame, there: Sequence[str]) -> pd.DataFrame:
    """The frame that was read of a file with these columns."""
    for column in (TEXT, LABEL):
        if column not in there:
            raise WrongFile(path, f"expected this column, got {', '.join(map(repr, there))}", column=column)
    if frame.empty:
        raise WrongFile(path, "expected at least one row, got none")
    return frame


def _code(path: Path, number: int, value: object) -> int:
    text = str(value).strip().lower().removesuffix(".0")
    if text not in _CODES:
        raise WrongFile(path, f"expected 0, 1, 2 (or 0, 4), or a name, got {value!r}", row=number, column=LABEL)
    return _CODES[text]


def _binary(path: Path, codes: list[int], labels: str) -> list[int]:
    """0, 1, or -1 for a neutral row to leave out.

    Names speak for themselves, and a 4 anywhere means Sentiment140's 0/2/4. Else `auto`: a 2 anywhere means 0/1/2 with
    1 neutral, else 0/1. A 3-class file that happens to hold no 2 cannot be told from a binary one: then `three-class`
    has to be said.
    """
    seen = set(codes)
    if labels == "named" or 4 in seen:
        meaning = {0: 0, 2: -1, 4: 1}
    elif labels == "three-class" or (labels == "auto" and 2 in seen):
        meaning = {0: 0, 1: -1, 2: 1}
    else:
        meaning = {0: 0, 1: 1}
    for number, code in enumerate(codes, 1):
        if code not in meaning:
            raise WrongFile(path, f"expected one of {sorted(meaning)}, got {code}", row=number, column=LABEL)
    return [meaning[code] for code in codes]
