"""Reading votes and predictions, newest first, page by page."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select
from sqlalchemy.sql.schema import Table

from feedback.beside import others
from feedback.tables import predictions, subjects, votes
from vigie.errors import InvalidRequest
from vigie.schemas import (
    Feedback,
    FeedbackFilter,
    FeedbackPage,
    FeedbackQuery,
    HistoryQuery,
    LoggedPrediction,
    ModelRef,
    OtherAnswer,
    PredictionPage,
    PredictionQuery,
    Sentiment,
)

_SENTIMENTS = (Sentiment.NEGATIVE, Sentiment.POSITIVE)
_PIECE_ROWS = 500
_GREATEST = 2**63 - 1
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_000  # years 1 to 9999


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page starts behind it. Inserts at the top do not move it."""

    created_ms: int
    row_id: int

    @classmethod
    def read(cls, token: str) -> "Cursor":
        """From a `next_cursor`; raises `InvalidRequest` for anything else."""
        try:
            created_ms, row_id = map(int, base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").split("."))
            if max(abs(created_ms), abs(row_id)) > _GREATEST:
                raise ValueError
            return cls(created_ms, row_id)
        except (ValueError, UnicodeError, binascii.Error):
            raise InvalidRequest(f"cursor: expected a next_cursor of an earlier page, got {token[:40]!r}") from None

    def token(self) -> str:
        """As it is handed out."""
        return base64.urlsafe_b64encode(f"{self.created_ms}.{self.row_id}".encode()).decode("ascii")


def feedback_page(connection: Connection, query: FeedbackQuery) -> FeedbackPage:
    """The votes that stand, newest first."""
    rows = connection.execute(_page(_feedback(query), votes, query)).all()
    shown = rows[: query.limit]
    return FeedbackPage(items=[as_feedback(row) for row in shown], next_cursor=_next(rows, query.limit))


def all_feedback(connection: Connection, wanted: FeedbackFilter) -> Iterator[Feedback]:
    """Every vote that stands, newest first, read in pieces."""
    cursor: str | None = None
    while True:
        page = feedback_page(connection, FeedbackQuery(**wanted.model_dump(), limit=_PIECE_ROWS, cursor=cursor))
        yield from page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def one_feedback(connection: Connection, feedback_id: str) -> Feedback:
    """The vote with that id, which must exist."""
    return as_feedback(connection.execute(_joined().where(votes.c.feedback_id == feedback_id)).one())


def prediction_page(connection: Connection, query: PredictionQuery) -> PredictionPage:
    """The predictions that were answered, newest first."""
    found = select(predictions).where(*_common(predictions, predictions, query))
    if query.topic is not None:
        found = found.where(predictions.c.topic == query.topic)
    if query.sentiment is not None:
        found = found.where(predictions.c.label == _SENTIMENTS.index(query.sentiment))
    rows = connection.execute(_page(found, predictions, query)).all()
    shown = rows[: query.limit]
    beside = others(connection, [row.prediction_id for row in shown])
    items = [_as_prediction(row, beside.get(row.prediction_id, [])) for row in shown]
    return PredictionPage(items=items, next_cursor=_next(rows, query.limit))


def as_feedback(row: Row[tuple[object, ...]]) -> Feedback:
    """A row of the join of votes, subjects and the log as a message."""
    return Feedback(
        feedback_id=row.feedback_id,
        prediction_id=row.prediction_id,
        verdict=row.verdict,
        expected_label=row.expected_label,
        comment=row.comment,
        annotator=row.annotator,
        created_at=instant(row.created_ms),
        supersedes=row.supersedes,
        model=ModelRef(name=row.model, version=row.version),
        prediction_label=row.label,
        probability_negative=row.probability_negative,
        predicted_at=instant(row.predicted_ms),
        text=row.text or None,
    )


def instant(milliseconds: int) -> datetime:
    """Unix milliseconds as a moment in UTC; one that no calendar has becomes the nearest."""
    return datetime.fromtimestamp(min(max(milliseconds, _EARLIEST_MS), _LATEST_MS) / 1000, UTC)


def _as_prediction(row: Row[tuple[object, ...]], beside: list[OtherAnswer]) -> LoggedPrediction:
    return LoggedPrediction(
        prediction_id=row.prediction_id,
        text=row.text,
        model=ModelRef(name=row.model, version=row.version),
        prediction_label=row.label,
        sentiment=_SENTIMENTS[row.label],
        probability_negative=row.probability_negative,
        requested_model=row.requested_model,
        degraded=row.degraded,
        created_at=instant(row.created_ms),
        request_id=row.request_id,
        topic=row.topic,
        tweeted_at=None if row.tweeted_ms is None else instant(row.tweeted_ms),
        beside=beside,
    )


def _joined() -> Select[tuple[object, ...]]:
    """Votes with the snapshot of their prediction, and its text where the log has it."""
    voted = votes.join(subjects, votes.c.prediction_id == subjects.c.prediction_id)
    logged = voted.outerjoin(predictions, votes.c.prediction_id == predictions.c.prediction_id)
    snapshot = (subjects.c.model, subjects.c.version, subjects.c.label, subjects.c.probability_negative)
    return select(votes, *snapshot, subjects.c.predicted_ms, predictions.c.text).select_from(logged)


def _feedback(query: FeedbackQuery) -> Select[tuple[object, ...]]:
    wanted = _joined().where(votes.c.current, *_common(votes, subjects, query))
    return wanted.where(votes.c.verdict == query.verdict.value) if query.verdict else wanted


def _common(timed: Table, owned: Table, query: HistoryQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.model is not None:
        conditions.append(owned.c.model == query.model)
    if query.version is not None:
        conditions.append(owned.c.version == query.version)
    if query.since is not None:
        conditions.append(timed.c.created_ms >= query.since.timestamp() * 1000)
    if query.until is not None:
        conditions.append(timed.c.created_ms < query.until.timestamp() * 1000)
    return conditions


def _page(found: Select[tuple[object, ...]], timed: Table, query: HistoryQuery) -> Select[tuple[object, ...]]:
    """One row more than asked for, so that the last page is known to be the last."""
    if query.cursor is not None:
        last = Cursor.read(query.cursor)
        older = timed.c.created_ms < last.created_ms
        same = and_(timed.c.created_ms == last.created_ms, timed.c.id < last.row_id)
        found = found.where(or_(older, same))
    return found.order_by(timed.c.created_ms.desc(), timed.c.id.desc()).limit(query.limit + 1)


def _next(rows: Sequence[Row[tuple[object, ...]]], limit: int) -> str | None:
    return Cursor(rows[limit - 1].created_ms, rows[limit - 1].id).token() if len(rows) > limit else None
