"""What authors had erased, kept as long as Redis keeps it: an alert that is stored later is stored without it."""

from sqlalchemy import Connection, delete, select

from alerting.tables import erasures
from vigie.alerts import RaisedAlert, RaisedError
from vigie.durations import DAY_MS
from vigie.schemas import Erasure
from vigie.store import insert_into, take_turn

ERASURES_KEPT_MS = 30 * DAY_MS  # states and alerts may wait on their streams while nobody reads them

_ADVISORY_LOCK = 7_310_448_203


def remember(connection: Connection, erasure: Erasure) -> None:
    """Keeps the erasure; the same one again changes nothing. What is stored meanwhile waits for this transaction."""
    take_turn(connection, _ADVISORY_LOCK)
    row = {"erasure_id": erasure.erasure_id, "at_ms": erasure.at_ms, "told": erasure.model_dump_json()}
    connection.execute(insert_into(connection, erasures).values(row).on_conflict_do_nothing())


def without_forgotten(connection: Connection, alert: RaisedAlert) -> RaisedAlert:
    """The alert without what was erased before it came. An erasure of meanwhile waits for this transaction."""
    take_turn(connection, _ADVISORY_LOCK)
    for told in connection.execute(select(erasures.c.told)).scalars():
        alert = without(alert, Erasure.model_validate_json(told))
    return alert


def without(alert: RaisedAlert, erasure: Erasure) -> RaisedAlert:
    """The alert without a text that the erasure covers."""
    surge = alert.surge
    if surge:
        kept = [tweet for tweet in surge.tweets if not erasure.covers(tweet.author, tweet.answered_ms)]
        surge = surge.model_copy(update={"tweets": kept})
    return alert.model_copy(update={"errors": [_bare(error, erasure) for error in alert.errors], "surge": surge})


def forget_erasures(connection: Connection, now_ms: int) -> None:
    """Removes those that are too old for anything to wait for them."""
    connection.execute(delete(erasures).where(erasures.c.at_ms < now_ms - ERASURES_KEPT_MS))


def _bare(error: RaisedError, erasure: Erasure) -> RaisedError:
    state = error.state
    if not erasure.covers(state.author, state.predicted_ms, state.prediction_id):
        return error
    return error.model_copy(update={"state": state.model_copy(update={"text": None, "author": None})})
