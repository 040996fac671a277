"""Votes: what stands, what it means for the prediction, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, select

from feedback.tables import create_tables, subjects, votes
from feedback.voting import Recorded, check_label, record, withdraw
from vigie.errors import InvalidRequest, NotFound
from vigie.receipts import Receipt
from vigie.schemas import FeedbackRequest, Verdict
from vigie.store import open_engine

RECEIPT = Receipt(model="logreg", version="3", probability_negative=0.9, created_ms=1_000, text_digest=b"12345678")


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A transaction on an empty store, on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/store.db"
    engine = open_engine(url)
    with engine.begin() as found:
        create_tables(found)
        yield found
    engine.dispose()


def cast(
    connection: Connection,
    now_ms: int,
    *,
    verdict: str = "incorrect",
    annotator: str | None = None,
    expected: int | None = None,
    comment: str | None = None,
) -> Recorded:
    vote = FeedbackRequest.model_validate(
        {
            "prediction_id": "p1",
            "verdict": verdict,
            "annotator": annotator,
            "expected_label": expected,
            "comment": comment,
        }
    )
    return record(connection, vote, RECEIPT, now_ms)


def subject(connection: Connection) -> tuple[int | None, int]:
    row = connection.execute(select(subjects.c.error_ms, subjects.c.revision)).one()
    return row.error_ms, row.revision


def test_a_first_vote_makes_the_prediction_wrong_since_then(connection: Connection) -> None:
    recorded = cast(connection, 5_000)
    assert (recorded.first, recorded.changed) == (True, True)
    assert subject(connection) == (5_000, 1)


def test_the_same_vote_again_changes_nothing_whatever_its_comment(connection: Connection) -> None:
    first = cast(connection, 5_000)
    again = cast(connection, 9_000, comment="really")
    assert again.feedback_id == first.feedback_id
    assert (again.first, again.changed) == (False, False)
    assert subject(connection) == (5_000, 1)


def test_a_changed_mind_supersedes_and_keeps_the_history(connection: Connection) -> None:
    first = cast(connection, 5_000)
    second = cast(connection, 6_000, verdict="correct")
    assert second.feedback_id != first.feedback_id
    assert (second.first, second.changed) == (False, True)
    assert subject(connection) == (None, 2)
    rows = connection.execute(
        select(votes.c.feedback_id, votes.c.current, votes.c.supersedes).order_by(votes.c.id)
    ).all()
    assert [tuple(row) for row in rows] == [
        (first.feedback_id, False, None),
        (second.feedback_id, True, first.feedback_id),
    ]


def test_a_mind_changed_back_counts_from_then(connection: Connection) -> None:
    for now_ms, verdict in ((1, "incorrect"), (2, "correct"), (3, "incorrect")):
        cast(connection, now_ms, verdict=verdict)
    assert subject(connection) == (3, 3)


def test_another_label_is_another_vote(connection: Connection) -> None:
    cast(connection, 1)
    assert cast(connection, 2, expected=1).changed
    assert subject(connection) == (2, 2)


def test_two_annotators_make_one_error_since_the_earlier(connection: Connection) -> None:
    cast(connection, 1, annotator="ann")
    cast(connection, 2, annotator="bob")
    assert subject(connection) == (1, 2)
    cast(connection, 3, annotator="ann", verdict="correct")
    assert subject(connection) == (2, 3)


@pytest.mark.parametrize(
    ("verdict", "expected", "complaint"),
    [
        ("incorrect", 0, "the verdict 'incorrect' goes with 1, got 0"),
        ("correct", 1, "the verdict 'correct' goes with 0, got 1"),
    ],
)
def test_a_label_that_contradicts_its_verdict_is_refused(verdict: str, expected: int, complaint: str) -> None:
    vote = FeedbackRequest.model_validate({"prediction_id": "p", "verdict": verdict, "expected_label": expected})
    with pytest.raises(InvalidRequest, match=complaint):
        check_label(vote, RECEIPT)


@pytest.mark.parametrize(("verdict", "expected"), [("incorrect", 1), ("correct", 0), ("incorrect", None)])
def test_a_label_that_agrees_is_fine(verdict: str, expected: int | None) -> None:
    check_label(
        FeedbackRequest.model_validate({"prediction_id": "p", "verdict": verdict, "expected_label": expected}), RECEIPT
    )


CAST = st.tuples(st.sampled_from("abc"), st.sampled_from(list(Verdict)), st.booleans())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(casts=st.lists(CAST, max_size=25))
def test_any_sequence_of_votes_agrees_with_brute_force(
    connection: Connection, casts: list[tuple[str, Verdict, bool]]
) -> None:
    connection.execute(delete(votes))
    connection.execute(delete(subjects))
    standing: dict[str, tuple[Verdict, int | None, int]] = {}
    changes = 0
    for now_ms, (annotator, verdict, labelled) in enumerate(casts):
        expected = (1 if verdict is Verdict.INCORRECT else 0) if labelled else None
        cast(connection, now_ms, verdict=verdict.value, annotator=annotator, expected=expected)
        if standing.get(annotator, (None, None, 0))[:2] != (verdict, expected):
            standing[annotator] = (verdict, expected, now_ms)
            changes += 1
    wrong = [now_ms for verdict, _, now_ms in standing.values() if verdict is Verdict.INCORRECT]
    if casts:
        assert subject(connection) == (min(wrong, default=None), changes)
        current = connection.execute(select(func.count()).select_from(votes).where(votes.c.current)).scalar_one()
        assert current == len(standing)


def test_a_vote_that_is_taken_back_says_nothing_any_more(connection: Connection) -> None:
    given = cast(connection, 5_000)
    withdraw(connection, given.feedback_id, 6_000)
    assert subject(connection) == (None, 2)
    with pytest.raises(NotFound, match="replaced or withdrawn"):
        withdraw(connection, given.feedback_id, 7_000)
    assert cast(connection, 8_000).first


def test_taking_a_change_of_mind_back_brings_the_earlier_vote_back(connection: Connection) -> None:
    cast(connection, 5_000)
    changed = cast(connection, 6_000, verdict="correct")
    withdraw(connection, changed.feedback_id, 7_000)
    assert subject(connection) == (5_000, 3)
    assert connection.execute(select(votes.c.verdict).where(votes.c.current)).scalars().all() == ["incorrect"]


def test_only_a_vote_that_stands_can_be_taken_back(connection: Connection) -> None:
    replaced = cast(connection, 5_000)
    cast(connection, 6_000, verdict="correct")
    for unknown in (replaced.feedback_id, "0" * 32):
        with pytest.raises(NotFound, match="feedback_id"):
            withdraw(connection, unknown, 7_000)
    assert subject(connection) == (None, 2)
