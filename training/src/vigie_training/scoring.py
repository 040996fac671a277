"""Scores files of any size, a chunk at a time."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow
import pyarrow.parquet

from vigie_training.csv_batches import READ_BYTES, csv_batches
from vigie_training.errors import WrongFile
from vigie_training.evaluate import Predict
from vigie_training.recipes import Report
from vigie_training.rows import TEXT

CHUNK_ROWS = 8192
_BATCH = 512
PROBABILITY, PREDICTED = "probability_negative", "prediction_label"


def score(predict: Predict, source: Path, target: Path, report: Report) -> int:
    """Writes every column of `source` (Parquet or CSV with `text`) and the answers to the Parquet file `target`.

    The answers are `probability_negative` (float32) and `prediction_label` (int8, 0 negative, 1 positive); null where
    the text is missing or empty. A CSV file's columns stay the text that they are. Returns the number of rows. `target`
    stays as it was until all is written, and when it fails: `WrongFile`. A link is followed, and stays one.
    """
    place = target.resolve()
    if target.is_dir() or not place.parent.is_dir():
        raise WrongFile(target, "expected the name of a file to write, in a folder that is there")
    if target.exists() and not target.is_file():
        raise WrongFile(target, "expected the name of a file to write, got a device or a pipe")
    if target.suffix.lower() == ".csv":
        raise WrongFile(target, "expected a name like answers.parquet: Parquet is what is written")
    with TemporaryDirectory(dir=place.parent, prefix=".vigie-score-") as folder:  # another may write to `target` too
        unfinished = Path(folder) / "answers.parquet"
        done = _write(predict, source, unfinished, report)
        unfinished.replace(place)
    return done


def _write(predict: Predict, source: Path, target: Path, report: Report) -> int:
    done, writer = 0, None
    try:
        for chunk in _chunks(source):
            scored = _scored(predict, chunk, _texts(source, chunk[TEXT], done))
            writer = writer or pyarrow.parquet.ParquetWriter(target, scored.schema, compression="zstd")
            writer.write_table(scored)
            done += len(chunk)
            report(f"{done:,} rows")
    finally:
        if writer:
            writer.close()
    if not done:
        raise WrongFile(source, "expected at least one row, got none")
    return done


def steps(source: Path) -> int | None:
    """How often `score` will report; null when only reading would tell."""
    if source.suffix.lower() != ".parquet" or not source.is_file():
        return None
    try:
        with pyarrow.parquet.ParquetFile(source) as file:
            groups: list[int] = [
                file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)
            ]
    except (pyarrow.ArrowException, OSError):
        return None
    return sum(ceil(rows / CHUNK_ROWS) for rows in groups)


def _chunks(source: Path) -> Iterator[pyarrow.Table]:
    """Tables of at most `CHUNK_ROWS` rows that have the column `text`."""
    try:
        for batch in _batches(source):
            table = pyarrow.Table.from_batches([batch])
            for name in table.column_names:
                if table.column_names.count(name) > 1:
                    raise WrongFile(source, "expected each column once, got it more than once", column=name)
            if TEXT not in table.column_names:
                names = ", ".join(map(repr, table.column_names))
                raise WrongFile(source, f"expected this column, got {names}", column=TEXT)
            if not _is_text(table.schema.field(TEXT).type):
                raise WrongFile(source, f"expected text, got {table.schema.field(TEXT).type}", column=TEXT)
            for start in range(0, len(table), CHUNK_ROWS):
                yield table.slice(start, CHUNK_ROWS)
    except (pyarrow.ArrowException, OSError) as error:
        raise WrongFile(source, f"expected a Parquet or CSV file that can be read: {error}") from error


def _is_text(kind: pyarrow.DataType) -> bool:
    kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
    return kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view(), pyarrow.null())


def _batches(source: Path) -> Iterator[pyarrow.RecordBatch]:
    if source.suffix.lower() == ".parquet":
        # Else a whole row group is read at once, of which a file may have one alone.
        with pyarrow.parquet.ParquetFile(source, pre_buffer=False, buffer_size=READ_BYTES) as file:
            yield from file.iter_batches(CHUNK_ROWS)
        return
    if source.suffix.lower() != ".csv":
        raise WrongFile(source, f"expected a .parquet or .csv file, got suffix {source.suffix!r}")
    yield from csv_batches(source)


def _texts(source: Path, column: pyarrow.ChunkedArray, before: int) -> list[str | None]:
    """The texts of the rows that come after so many others, null where there is nothing to judge."""
    try:
        return [value if isinstance(value, str) and value.strip() else None for value in column.to_pylist()]
    except UnicodeDecodeError:  # Arrow does not look at what Parquet calls text
        for row, value in enumerate(column, before + 1):
            try:
                value.as_py()
            except UnicodeDecodeError as error:
                problem = f"expected UTF-8 text, got byte 0x{error.object[error.start]:02x}"
                raise WrongFile(source, problem, row=row, column=TEXT) from error
        raise


def _scored(predict: Predict, chunk: pyarrow.Table, texts: list[str | None]) -> pyarrow.Table:
    known = [text for text in texts if text is not None]
    parts = [predict(known[start : start + _BATCH]) for start in range(0, len(known), _BATCH)]
    answers = iter(np.concatenate(parts).tolist() if parts else [])
    negative = [None if text is None else next(answers) for text in texts]
    labels = [None if value is None else int(value < 0.5) for value in negative]
    kept = chunk.select([name for name in chunk.column_names if name not in (PROBABILITY, PREDICTED)])
    return kept.append_column(PROBABILITY, pyarrow.array(negative, pyarrow.float32())).append_column(
        PREDICTED, pyarrow.array(labels, pyarrow.int8())
    )
