"""CSV that a spreadsheet may open."""

import csv
import io
from datetime import UTC, datetime

import pytest

from feedback.export import BYTE_ORDER_MARK, COLUMNS, csv_lines
from vigie.schemas import Feedback, ModelRef, Verdict


def vote(text: str | None, comment: str | None = None) -> Feedback:
    return Feedback(
        feedback_id="f1",
        prediction_id="p1",
        verdict=Verdict.INCORRECT,
        annotator="ann",
        comment=comment,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        model=ModelRef(name="logreg", version="3"),
        prediction_label=0,
        probability_negative=0.9,
        predicted_at=datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC),
        text=text,
    )


def test_the_safe_form_starts_with_a_mark_and_the_raw_one_is_untouched() -> None:
    rows = [vote('=cmd, "quoted"\nsecond line', "@ann")]
    protected = "".join(csv_lines(rows, raw=False))
    assert protected.startswith(BYTE_ORDER_MARK + "feedback_id,")
    raw = "".join(csv_lines(rows, raw=True))
    parsed = list(csv.DictReader(io.StringIO(raw)))
    assert tuple(parsed[0]) == COLUMNS
    assert parsed[0]["text"] == '=cmd, "quoted"\nsecond line'
    assert parsed[0]["comment"] == "@ann"
    assert parsed[0]["created_at"] == "2026-01-02T03:04:05Z"
    assert parsed[0]["model"] == "logreg"
    guarded = list(csv.DictReader(io.StringIO(protected.removeprefix(BYTE_ORDER_MARK))))
    assert guarded[0]["text"] == '\'=cmd, "quoted"\nsecond line'


def test_handles_and_links_are_masked_unless_raw() -> None:
    rows = [vote("@ann see https://example.org/a", "ask @bob or bob@example.org")]
    shown, raw = ("".join(csv_lines(rows, raw=raw)) for raw in (False, True))
    assert "'@user see [link]" in shown
    assert "ask @user or [mail]" in shown
    assert "@ann see https://example.org/a" in raw


@pytest.mark.parametrize(("annotator", "shown"), [("@bob", "'@user"), ("bob@example.org", "[mail]"), ("ann", "ann")])
def test_who_voted_is_masked_like_what_they_wrote(annotator: str, shown: str) -> None:
    row = vote("fine").model_copy(update={"annotator": annotator})
    exported = "".join(csv_lines([row], raw=False)).removeprefix(BYTE_ORDER_MARK)
    assert next(csv.DictReader(io.StringIO(exported)))["annotator"] == shown
    assert annotator in "".join(csv_lines([row], raw=True))


def test_what_is_not_known_is_an_empty_cell() -> None:
    parsed = list(csv.DictReader(io.StringIO("".join(csv_lines([vote(None)], raw=True)))))
    assert (parsed[0]["text"], parsed[0]["expected_label"]) == ("", "")
