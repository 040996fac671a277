"""Error states as the feedback service publishes them."""

from typing import Any

from redis.asyncio import Redis

from vigie.alerts import RaisedAlert
from vigie.schemas import ErrorState
from vigie.streams import ALERTS


def error_state(
    name: str, error_ms: int | None, *, revision: int = 1, model: str = "logreg", version: str = "1", text: str = ""
) -> ErrorState:
    """A negative prediction called `name` that somebody says is positive."""
    return ErrorState(
        prediction_id=name,
        revision=revision,
        error_ms=error_ms,
        model=model,
        version=version,
        label=0,
        probability_negative=0.93,
        predicted_ms=0 if error_ms is None else error_ms - 5_000,
        text=text or f"tweet {name}",
        expected_label=1,
        comments=["no, they are happy"],
        annotators=1,
    )


async def raised_alerts(redis: Redis) -> list[RaisedAlert]:
    """Everything in the outbox, oldest first."""
    entries: Any = await redis.xrange(ALERTS.name)
    return [alert for _, fields in entries for alert in ALERTS.decode(fields)]
