"""Scores files of any size, a chunk at a time."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet

from vigie_training.errors import WrongFile
from vigie_training.evaluate import Predict
from vigie_training.recipes import Report
from vigie_training.rows import TEXT

CHUNK_ROWS = 8192
READ_BYTES = 1 << 20
_BATCH = 512
PROBABILITY, PREDICTED = "probability_negative", "prediction_label"


def score(predict: Predict, source: Path, target: Path, report: Report) -> int:
    """Writes every column of `source` (Parquet or CSV with `text`) and the answers to the Parquet file `target`.

    The answers are `probability_negative` (float32) and `prediction_label` (int8, 0 negative, 1 positive); null where
    the text is missing or empty. A CSV file's columns stay the text that they are. Returns the number of rows. Nothing
    is left at `target` when it fails: `WrongFile`.
    """
    if target.is_dir() or not target.parent.is_dir():
        raise WrongFile(target, "expected the name of a file to write, in a folder that is there")
    if target.suffix == ".csv":
        raise WrongFile(target, "expected a name like answers.parquet: Parquet is what is written")
    unfinished = target.with_name(f".{target.name}.unfinished")
    done, writer = 0, None
    try:
        for chunk in _chunks(source):
            scored = _scored(predict, chunk)
            writer = writer or pyarrow.parquet.ParquetWriter(unfinished, scored.schema, compression="zstd")
            writer.write_table(scored)
            done += len(chunk)
            report(f"{done:,} rows")
        if writer is None:
            raise WrongFile(source, "expected at least one row, got none")
        writer.close()
        unfinished.replace(target)
    finally:
        if writer:
            writer.close()
        unfinished.unlink(missing_ok=True)
    return done


def steps(source: Path) -> int | None:
    """How often `score` will report; null when only reading would tell."""
    if source.suffix != ".parquet" or not source.is_file():
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
    if source.suffix == ".parquet":
        # Else a whole row group is read at once, of which a file may have one alone.
        with pyarrow.parquet.ParquetFile(source, pre_buffer=False, buffer_size=READ_BYTES) as file:
            yield from file.iter_batches(CHUNK_ROWS)
        return
    if source.suffix != ".csv":
        raise WrongFile(source, f"expected a .parquet or .csv file, got suffix {source.suffix!r}")
    multi_line = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with pyarrow.csv.open_csv(source, parse_options=multi_line) as reader:
        columns = dict.fromkeys(reader.schema.names, pyarrow.string())
    # A type guessed from the first rows is contradicted by later ones of a long file.
    as_it_is = pyarrow.csv.ConvertOptions(column_types=columns, strings_can_be_null=True, null_values=[""])
    with pyarrow.csv.open_csv(source, convert_options=as_it_is, parse_options=multi_line) as reader:
        yield from reader


def _scored(predict: Predict, chunk: pyarrow.Table) -> pyarrow.Table:
    texts = [value if isinstance(value, str) and value.strip() else None for value in chunk[TEXT].to_pylist()]
    known = [text for text in texts if text is not None]
    parts = [predict(known[start : start + _BATCH]) for start in range(0, len(known), _BATCH)]
    answers = iter(np.concatenate(parts).tolist() if parts else [])
    negative = [None if text is None else next(answers) for text in texts]
    labels = [None if value is None else int(value < 0.5) for value in negative]
    kept = chunk.select([name for name in chunk.column_names if name not in (PROBABILITY, PREDICTED)])
    return kept.append_column(PROBABILITY, pyarrow.array(negative, pyarrow.float32())).append_column(
        PREDICTED, pyarrow.array(labels, pyarrow.int8())
    )
