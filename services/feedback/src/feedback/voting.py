"""Votes: one transaction records a vote, keeps the history, and says what the votes on its prediction mean now."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from feedback.tables import subjects, votes
from vigie.errors import InvalidRequest, NotFound
from vigie.receipts import Receipt
from vigie.schemas import FeedbackRequest, Verdict
from vigie.store import insert_into

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Recorded:
    """`feedback_id` of the vote that stands; `first` when its annotator had none on this prediction before."""

    feedback_id: str
    first: bool
    changed: bool


def check_label(vote: FeedbackRequest, receipt: Receipt) -> None:
    """Raises `InvalidRequest` when the verdict and the expected label contradict each other."""
    if vote.expected_label is None:
        return
    agrees = vote.expected_label == receipt.label
    if agrees != (vote.verdict is Verdict.CORRECT):
        raise InvalidRequest(
            f"expected_label: the prediction was {receipt.label}, so the verdict {vote.verdict.value!r} "
            f"goes with {receipt.label if vote.verdict is Verdict.CORRECT else 1 - receipt.label}, "
            f"got {vote.expected_label}"
        )


def record(
    connection: Connection, vote: FeedbackRequest, receipt: Receipt, now_ms: int, traceparent: str | None = None
) -> Recorded:
    """Writes the vote. The same verdict and label by the same annotator again change nothing.

    `traceparent` says to which trace that belongs which follows from the vote.
    """
    _lock_subject(connection, vote.prediction_id, receipt, now_ms)
    annotator = vote.annotator or ANONYMOUS
    mine = (votes.c.prediction_id == vote.prediction_id, votes.c.annotator == annotator, votes.c.current)
    standing = connection.execute(select(votes).where(*mine)).one_or_none()
    if standing and (standing.verdict, standing.expected_label) == (vote.verdict.value, vote.expected_label):
        return Recorded(standing.feedback_id, first=False, changed=False)
    connection.execute(update(votes).where(*mine).values(current=False))
    feedback_id = uuid.uuid4().hex
    connection.execute(
        insert(votes).values(
            feedback_id=feedback_id,
            prediction_id=vote.prediction_id,
            annotator=annotator,
            verdict=vote.verdict.value,
            expected_label=vote.expected_label,
            comment=vote.comment,
            created_ms=now_ms,
            supersedes=standing.feedback_id if standing else None,
            current=True,
        )
    )
    _revise(connection, vote.prediction_id, now_ms, traceparent)
    return Recorded(feedback_id, first=standing is None, changed=True)


def withdraw(connection: Connection, feedback_id: str, now_ms: int, traceparent: str | None = None) -> None:
    """Takes a vote that stands back, and lets the one that it had replaced stand again; once withdrawn, it stays so.

    Raises `NotFound` for a vote that was never given, or that another one has replaced.
    """
    vote = connection.execute(select(votes).where(votes.c.feedback_id == feedback_id)).one_or_none()
    if vote is None:
        raise NotFound(f"feedback_id: expected one that was answered to a vote, got {feedback_id[:60]!r}")
    connection.execute(
        select(subjects.c.revision).where(subjects.c.prediction_id == vote.prediction_id).with_for_update()
    ).one()
    taken = connection.execute(
        update(votes).where(votes.c.feedback_id == feedback_id, votes.c.current).values(current=False)
    )
    if not taken.rowcount:
        raise NotFound(f"feedback_id: the vote {feedback_id[:60]!r} was replaced or withdrawn before")
    connection.execute(update(votes).where(votes.c.feedback_id == vote.supersedes).values(current=True))
    _revise(connection, vote.prediction_id, now_ms, traceparent)


def _lock_subject(connection: Connection, prediction_id: str, receipt: Receipt, now_ms: int) -> None:
    """Makes the prediction's row where there is none, and holds it until the transaction ends."""
    connection.execute(
        insert_into(connection, subjects)
        .values(
            prediction_id=prediction_id,
            model=receipt.model,
            version=receipt.version,
            label=receipt.label,
            probability_negative=receipt.probability_negative,
            predicted_ms=receipt.created_ms,
            revision=0,
            changed_ms=now_ms,
            published_revision=0,
        )
        .on_conflict_do_nothing()
    )
    connection.execute(
        select(subjects.c.revision).where(subjects.c.prediction_id == prediction_id).with_for_update()
    ).one()


def _revise(connection: Connection, prediction_id: str, now_ms: int, traceparent: str | None) -> None:
    """The prediction is wrong since its earliest vote that stands and says so."""
    earliest = connection.execute(
        select(func.min(votes.c.created_ms)).where(
            votes.c.prediction_id == prediction_id, votes.c.current, votes.c.verdict == Verdict.INCORRECT.value
        )
    ).scalar_one()
    connection.execute(
        update(subjects)
        .where(subjects.c.prediction_id == prediction_id)
        .values(error_ms=earliest, revision=subjects.c.revision + 1, changed_ms=now_ms, traceparent=traceparent)
    )
