"""The messages of alerts: what is raised, what is kept of it, what is answered. Part of `vigie.schemas`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from vigie.fields import NO_NUL
from vigie.schemas import ErrorBody, ErrorState, Label, Message, ModelRef, Request
from vigie.trials import StopReason, TrialReport

CANARY = "canary"
JSON_ERROR: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
BROKEN_LINK: dict[str, Any] = {
    "description": "The link is broken or too old; a page where `Accept` names `text/html`",
    "content": JSON_ERROR | {"text/html": {"schema": {"type": "string"}}},
}
"""What the documentation says of the pages behind the links of mails, whose errors are no HTML but for this one."""


class RaisedError(Message):
    """One error of an alert; `at_ms` is the time it counts with (never in the future of the moment it was judged)."""

    at_ms: int
    state: ErrorState


class SurgeTweet(Message):
    """A negative tweet of a surge; `author` is a keyed digest, `answered_ms` when it was predicted (0: long ago)."""

    at_ms: int
    text: str
    score: float
    author: str | None = None
    answered_ms: int = 0


class RisenWord(Message):
    """A word of the surge: in how many of its tweets, and in how many it would be as a rule."""

    word: str
    count: int
    usual: float


class SurgePoint(Message):
    """Counts of a piece of time that begins at `at_ms`."""

    at_ms: int
    negative: int
    total: int


class SurgeFacts(Message):
    """What the radar saw: `count` negative tweets of `total` from `first_ms` on, where `baseline` were expected.

    `detectors` are those that agree, of `count` and `share`; `points` are the hours before, in equal steps.
    """

    detectors: list[str]
    first_ms: int
    at_ms: int
    count: int
    total: int
    baseline: float
    score: float
    tweets: list[SurgeTweet]
    words: list[RisenWord]
    points: list[SurgePoint]
    step_ms: int


class CanaryFacts(Message):
    """A challenger that was stopped, how it and the champion stood then, and its last `failure` if it failed."""

    at_ms: int
    reason: StopReason
    report: TrialReport
    failure: str | None = None


class DayFigures(Message):
    """The last 24 hours when an alert was raised: predictions reported wrong, and all predictions."""

    errors: int
    predictions: int


class RaisedAlert(Message):
    """A rule that fired, on its way to the mail: everything that is told, so that a resend tells the same.

    `alert_key` follows from scope, rule and what happened alone: the same errors give the same key, always.
    `errors` (of rule `errors`) are in the order of their times; a `surge` (of rule `surge`) has none, a `canary` (of
    rule `canary`: a challenger was stopped) those that people reported last.
    `suppressed_before` counts the errors kept quiet that no mail told of; `day` and `episode_key` (the first alert of
    the scope that is not resolved) are added when it is stored.
    """

    alert_key: str
    scope: str
    rule: str
    fired_ms: int
    window_ms: int
    cooldown_ms: int
    suppressed_before: int
    errors: list[RaisedError]
    surge: SurgeFacts | None = None
    canary: CanaryFacts | None = None
    day: DayFigures | None = None
    episode_key: str | None = None

    @property
    def newest_ms(self) -> int:
        """The time of the last thing that made it fire."""
        told = self.surge or self.canary
        return told.at_ms if told else self.errors[-1].at_ms

    @property
    def count(self) -> int:
        """How many tweets it speaks of."""
        if self.canary:
            report = self.canary.report
            return report.failed if self.canary.reason is StopReason.ERRS else report.trial.errors
        return self.surge.count if self.surge else len(self.errors)

    @property
    def traceparents(self) -> list[str | None]:
        """The traces of the votes that made it fire, of the last one first."""
        return [error.state.traceparent for error in reversed(self.errors)]


class AlertState(StrEnum):
    """Where an alert stands."""

    FIRING = "firing"
    RESOLVED = "resolved"


class DeliveryState(StrEnum):
    """Where a mail to one recipient stands. `ambiguous`: the connection was lost after the text was handed over."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    AMBIGUOUS = "ambiguous"
    DEAD = "dead"


class Delivery(Message):
    """One mail to one recipient; `kind` is `raised` or `resolved`."""

    recipient: str
    kind: str
    state: DeliveryState
    attempts: int
    reply: str | None = None
    next_attempt_at: datetime | None = None


class AlertTweet(Message):
    """A tweet behind an alert, with handles and links masked, as its mail shows it.

    `text` is null when it is not known or was erased. Of rule `errors` there is also who predicted it, and what people
    say it should be (null: neither, or nobody said).
    """

    text: str | None
    at: datetime
    prediction_label: Label
    confidence: float
    model: ModelRef | None = None
    expected_label: Label | None = None


class Alert(Message):
    """One row of `GET /alerts`. `count` tweets made it fire; of a `surge`, `baseline` were expected."""

    alert_id: str
    scope: str
    rule: str
    state: AlertState
    fired_at: datetime
    resolved_at: datetime | None = None
    false_alarm_at: datetime | None = None
    silenced: bool = False
    count: int
    baseline: float | None = None
    suppressed_before: int
    prediction_ids: list[str]
    tweets: list[AlertTweet]
    deliveries: list[Delivery]


class AlertPage(Message):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[Alert]
    next_cursor: str | None = None


class SilenceRequest(Request):
    """No mails for a scope (`*`: every scope) of a rule, for a while."""

    scope: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), NO_NUL]
    rule: Literal["errors", "surge", "canary", "*"] = "*"
    hours: Annotated[float, Field(gt=0, le=24 * 30)]
    reason: Annotated[str, StringConstraints(max_length=200), NO_NUL] | None = None


class Silence(Message):
    """A silence; it is over at `until`, or when it was ended before."""

    silence_id: str
    scope: str
    rule: str
    created_at: datetime
    until: datetime
    ended_at: datetime | None = None
    active: bool
    reason: str | None = None


class SilenceList(Message):
    """Silences, newest first; those that are over for at most 90 days."""

    items: list[Silence]


class TestMailResult(Message):
    """What the SMTP server said to a test mail, per recipient."""

    accepted: bool
    message_id: str
    replies: dict[str, str]
