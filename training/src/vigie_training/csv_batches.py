"""Reads a CSV file of any size as text, a batch of rows at a time."""

from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path

import pyarrow
import pyarrow.csv

from vigie_training.errors import WrongFile

READ_BYTES = 1 << 20
_UNCLOSED = "expected a quotation mark at the end of the value that one begins, got none"
_TOO_LONG = f"expected a row of at most {READ_BYTES:,} bytes, got a longer one: is a quotation mark never closed?"


def csv_batches(path: Path) -> Iterator[pyarrow.RecordBatch]:
    """Every column as text. A blank line is no row in a file of several columns; of one column it is a row without
    text, unless nothing follows: rows are to be counted as the file's owner does.

    Raises `WrongFile` when a quotation mark is never closed: pyarrow takes all that follows for one value.
    """
    rows = 0
    with pyarrow.OSFile(str(path)) as file:
        try:
            batches = filter(len, _with_end(file))
            last = next(batches)  # the end is a row at least
            rows = len(last)
            for batch in batches:
                yield last
                rows, last = rows + len(batch), batch
        except pyarrow.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            raise WrongFile(path, _TOO_LONG, row=rows + 1) from error
    yield last.slice(0, len(last) - 1)
    if any(column[-1].is_valid for column in last.columns):
        raise WrongFile(path, _UNCLOSED, row=rows)


class _Parts(RawIOBase):
    """Streams one after the other."""

    def __init__(self, *streams: pyarrow.NativeFile) -> None:
        self._streams = list(streams)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end: where less comes than was asked for, pyarrow takes a line for ended,
        though its `\r` may have come and its `\n` not.
        """
        found = b""
        while self._streams and len(found) < size:
            if part := self._streams[0].read(size - len(found)):
                found += bytes(part)
            else:
                del self._streams[0]
        return found


def _with_end(file: pyarrow.NativeFile) -> Iterator[pyarrow.RecordBatch]:
    """The rows, and one more without any value; a value that has no end takes it in."""
    start, end = _filled(file)
    blocks = pyarrow.csv.ReadOptions(block_size=READ_BYTES)
    multi_line = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with pyarrow.csv.open_csv(file.get_stream(start, end - start), blocks, multi_line) as reader:
        names = reader.schema.names
    multi_line.ignore_empty_lines = len(names) > 1
    # A type guessed from the first rows is contradicted by later ones of a long file.
    columns = dict.fromkeys(names, pyarrow.string())
    as_it_is = pyarrow.csv.ConvertOptions(column_types=columns, strings_can_be_null=True, null_values=[""])
    line_end = b"" if file.read_at(1, end - 1) in (b"\n", b"\r") else b"\n"
    nothing = pyarrow.BufferReader(line_end + b'""' + b"," * (len(names) - 1))
    stream = _Parts(file.get_stream(start, end - start), nothing)
    with pyarrow.csv.open_csv(stream, blocks, multi_line, as_it_is) as reader:
        yield from reader


def _filled(file: pyarrow.NativeFile) -> tuple[int, int]:
    """Where the first line begins that is not blank, and where the last one ends."""
    head = file.read(READ_BYTES)
    tail = file.read_at(READ_BYTES, max(0, file.size() - READ_BYTES))
    start = len(head) - len(head.lstrip(b"\r\n"))
    ends = tail[len(tail.rstrip(b"\r\n")) :].splitlines(keepends=True)
    return start, max(start, file.size() - sum(map(len, ends[1:])))
