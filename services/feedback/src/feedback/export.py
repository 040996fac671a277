"""Votes as CSV: safe to open in a spreadsheet, or raw for machines."""

import csv
import io
from collections.abc import Iterable, Iterator

from vigie.cells import safe
from vigie.masking import anonymous
from vigie.schemas import Feedback

COLUMNS = (
    "feedback_id", "created_at", "verdict", "expected_label", "annotator", "comment", "prediction_id", "predicted_at",
    "model", "version", "prediction_label", "probability_negative", "text",
)  # fmt: skip
BYTE_ORDER_MARK = "\ufeff"


def csv_lines(rows: Iterable[Feedback], *, raw: bool) -> Iterator[str]:
    """A header and one line per vote (RFC 4180).

    Unless `raw`: a byte order mark comes first, so that spreadsheets read UTF-8, and a cell that a spreadsheet would
    take for a formula begins with an apostrophe (OWASP, CSV injection); handles, addresses and links are masked.
    """
    if not raw:
        yield BYTE_ORDER_MARK
    yield _line(COLUMNS)
    for row in rows:
        yield _line(_cells(row) if raw else [safe(cell) for cell in _cells(_masked(row))])


def _cells(row: Feedback) -> list[str]:
    values = row.model_dump(mode="json") | {"model": row.model.name, "version": row.model.version}
    return ["" if values[column] is None else str(values[column]) for column in COLUMNS]


def _masked(row: Feedback) -> Feedback:
    """Without what points at people in what was written."""
    hidden = {name: anonymous(text) for name in ("text", "comment", "annotator") if (text := getattr(row, name))}
    return row.model_copy(update=hidden)


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
