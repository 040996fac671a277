"""What versions on trial said of the texts of answered predictions: kept beside the answers, and read with them."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Connection, Row, select

from feedback.tables import trials
from vigie.receipts import label_of
from vigie.schemas import OtherAnswer
from vigie.store import Store, insert_into
from vigie.trials import TrialEvent

_FAILURE_LENGTH = 300

KEPT = Counter("vigie_trials_logged_total", "Answers of versions on trial written beside the champion's.", ["alias"])


class TrialLog:
    """Handles the stream's events; the same event again changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, events: list[TrialEvent]) -> None:
        """Returns once the events are on disk."""
        await self._store.write(lambda connection: insert_trials(connection, events))
        for event in events:
            KEPT.labels(event.alias).inc()


def insert_trials(connection: Connection, events: Sequence[TrialEvent]) -> None:
    """Writes what is not there yet."""
    statement = insert_into(connection, trials).on_conflict_do_nothing(index_elements=["prediction_id", "alias"])
    if events:
        connection.execute(statement, [_row(event) for event in events])


def others(connection: Connection, prediction_ids: Sequence[str]) -> dict[str, list[OtherAnswer]]:
    """What was said beside each of these predictions, by its id."""
    wanted = select(trials).where(trials.c.prediction_id.in_(prediction_ids), trials.c.label.is_not(None))
    found: dict[str, list[OtherAnswer]] = {}
    for row in connection.execute(wanted.order_by(trials.c.id)).all():
        found.setdefault(row.prediction_id, []).append(_other(row))
    return found


def _row(event: TrialEvent) -> dict[str, object]:
    negative = event.probability_negative
    return event.model_dump() | {
        "label": None if negative is None else label_of(negative),
        "champion_label": label_of(event.champion_negative),
        "failure": None if event.failure is None else event.failure[:_FAILURE_LENGTH],
    }


def _other(row: Row[Any]) -> OtherAnswer:
    if row.answered:
        return OtherAnswer(
            alias="champion",
            version=row.champion,
            prediction_label=row.champion_label,
            probability_negative=row.champion_negative,
        )
    return OtherAnswer(
        alias=row.alias,
        version=row.version,
        prediction_label=row.label,
        probability_negative=row.probability_negative,
    )
