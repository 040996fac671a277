"""From rows of the store to what the service answers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from vigie.alerts import Alert, AlertState, AlertTweet, Delivery, DeliveryState, RaisedAlert, RaisedError, SurgeTweet
from vigie.masking import masked
from vigie.schemas import ModelRef


def alert_of(row: Row[Any], mails: Sequence[Row[Any]]) -> Alert:
    """An alert with its deliveries and its tweets."""
    told = RaisedAlert.model_validate_json(row.told)
    tweets = map(_surging, told.surge.tweets) if told.surge else map(_wrong, told.errors)
    return Alert(
        alert_id=row.alert_key,
        scope=row.scope,
        rule=row.rule,
        state=AlertState(row.state),
        fired_at=moment(row.fired_ms),
        resolved_at=None if row.resolved_ms is None else moment(row.resolved_ms),
        false_alarm_at=None if row.false_alarm_ms is None else moment(row.false_alarm_ms),
        silenced=row.silence_id is not None,
        count=told.count,
        baseline=told.surge.baseline if told.surge else None,
        suppressed_before=told.suppressed_before,
        prediction_ids=[error.state.prediction_id for error in told.errors],
        tweets=list(tweets),
        deliveries=[
            Delivery(
                recipient=mail.recipient,
                kind=mail.kind,
                state=DeliveryState(mail.state),
                attempts=mail.attempts,
                reply=mail.reply,
                next_attempt_at=None if mail.next_attempt_ms is None else moment(mail.next_attempt_ms),
            )
            for mail in mails
        ],
    )


def moment(unix_ms: int) -> datetime:
    """A time in UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def _wrong(error: RaisedError) -> AlertTweet:
    state = error.state
    return AlertTweet(
        text=None if state.text is None else masked(state.text),
        at=moment(error.at_ms),
        prediction_label=state.label,
        confidence=state.confidence,
        model=ModelRef(name=state.model, version=state.version),
        expected_label=state.expected_label,
    )


def _surging(tweet: SurgeTweet) -> AlertTweet:
    return AlertTweet(text=masked(tweet.text), at=moment(tweet.at_ms), prediction_label=0, confidence=tweet.score)
