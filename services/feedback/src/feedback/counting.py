"""Counts predictions over time, by family and by topic."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from feedback.history import instant
from feedback.tables import predictions
from vigie.durations import MINUTE_MS
from vigie.errors import InvalidRequest
from vigie.schemas import Counted, CountedMoment, CountedPart, CountsQuery, PredictionCounts

USUAL = timedelta(hours=6)
MOST_STEPS = 1500
MOST_TOPICS = 20

_TOTAL = func.count().label("total")
_NEGATIVE = func.sum(case((predictions.c.label == 0, 1), else_=0)).label("negative")


def prediction_counts(connection: Connection, query: CountsQuery, now_ms: int) -> PredictionCounts:
    """Raises `InvalidRequest` when that were too many steps. A step begins at a multiple of its length in UTC."""
    step_ms = query.step_minutes * MINUTE_MS
    since_ms = now_ms - USUAL // timedelta(milliseconds=1)
    if query.since is not None:
        since_ms = round(query.since.timestamp() * 1000)
    first, last = since_ms // step_ms, now_ms // step_ms
    if last - first >= MOST_STEPS:
        raise InvalidRequest(
            f"since, step_minutes: expected at most {MOST_STEPS} steps until now, got {last - first + 1}"
        )
    wanted = [predictions.c.created_ms >= first * step_ms]
    named = [] if query.topic is None else [predictions.c.topic == query.topic]
    steps = {row.part: row for row in _counted(connection, predictions.c.created_ms // step_ms, [*wanted, *named])}
    nothing = Counted(total=0, negative=0)
    return PredictionCounts(
        step_minutes=query.step_minutes,
        moments=[
            CountedMoment(at=instant(step * step_ms), **_as_counted(steps.get(step), nothing).model_dump())
            for step in range(first, last + 1)
        ],
        models=_parts(_counted(connection, predictions.c.model, [*wanted, *named])),
        topics=_parts(_counted(connection, predictions.c.topic, [*wanted, predictions.c.topic.is_not(None)]))[
            :MOST_TOPICS
        ],
    )


def _counted(
    connection: Connection, part: ColumnElement[Any], wanted: Sequence[ColumnElement[bool]]
) -> Sequence[Row[Any]]:
    found = select(part.label("part"), _TOTAL, _NEGATIVE).where(*wanted).group_by("part").order_by(_TOTAL.desc())
    return connection.execute(found).all()


def _parts(rows: Sequence[Row[Any]]) -> list[CountedPart]:
    return [CountedPart(name=row.part, total=row.total, negative=row.negative) for row in rows]


def _as_counted(row: Row[Any] | None, nothing: Counted) -> Counted:
    return nothing if row is None else Counted(total=row.total, negative=row.negative)
