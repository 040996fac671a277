"""Every message that crosses a process boundary, once."""

from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.authors import Handle, is_erased
from vigie.fields import NO_NUL, Explain, Instant, Name, Plain, TweetText

BATCH_LIMIT = 1000
EVERYTHING = "all"
ANYTHING = "*"

_BATCH = Field(max_length=BATCH_LIMIT)

Label = Literal[0, 1]


class Message(BaseModel):
    """Base of every message: frozen; an unknown field is passed over, so that a newer sender suits an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(Message):
    """What a client sends: an unknown field is an error, so that a typo is told and not ignored."""

    model_config = ConfigDict(extra="forbid")


class Sentiment(StrEnum):
    """The two answers; their order is their label (0, 1)."""

    NEGATIVE = "negative"
    POSITIVE = "positive"


class Verdict(StrEnum):
    """What a person says of a prediction."""

    CORRECT = "correct"
    INCORRECT = "incorrect"


class PredictRequest(Request):
    """One tweet. The radar watches each `topic` by itself; `author` is kept as a keyed digest only."""

    text: TweetText
    model: str | None = None
    topic: Name | None = None
    author: Handle | None = None
    created_at: Instant | None = None
    explain: Explain = False


class BatchRequest(Request):
    """Up to a thousand tweets; one bad text fails the request.

    `topic`, `author` and `created_at` are one value for all texts, or a list as long as `texts`.
    """

    texts: Annotated[list[TweetText], Field(min_length=1, max_length=BATCH_LIMIT)]
    model: str | None = None
    topic: Name | Annotated[list[Name | None], _BATCH] | None = None
    author: Handle | Annotated[list[Handle | None], _BATCH] | None = None
    created_at: Instant | Annotated[list[Instant | None], _BATCH] | None = None
    explain: Explain = False

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        for name in ("topic", "author", "created_at"):
            given = getattr(self, name)
            if isinstance(given, list) and len(given) != len(self.texts):
                raise ValueError(
                    f"{name}: expected one value or {len(self.texts)} (one for each text), got {len(given)}"
                )
        return self


class ModelRef(Message):
    """Family name and registry version: a model's identity everywhere."""

    name: str
    version: str


class Probabilities(Message):
    """They add up to one."""

    negative: float
    positive: float


class Prediction(Message):
    """The gateway's answer; `degraded` and `requested_model` tell when another family than the one wanted answered."""

    prediction_id: str
    sentiment: Sentiment
    prediction_label: Label
    confidence: float
    probabilities: Probabilities
    model: ModelRef
    requested_model: str | None = None
    degraded: bool = False


class BatchResponse(Message):
    """Predictions in the order of the texts."""

    predictions: list[Prediction]


class WordWeight(Message):
    """What a word adds to the log-odds of *positive*; below zero it speaks for *negative*."""

    word: str
    weight: float


class ExplainedPrediction(Prediction):
    """The answer when `explain` was asked for: the heaviest words first, null when the family cannot say."""

    explanation: list[WordWeight] | None = None


class ExplainedBatchResponse(Message):
    """Explained predictions in the order of the texts."""

    predictions: list[ExplainedPrediction]


class PredictionEvent(Message):
    """One answered prediction on its way to the log. Times are Unix milliseconds.

    `tweeted_ms` is when the tweet was written, `author` a keyed digest (`vigie.authors`), both as the client said.
    """

    prediction_id: str
    text: str
    model: str
    version: str
    label: Label
    probability_negative: float
    requested_model: str | None = None
    degraded: bool = False
    created_ms: int
    request_id: str = ""
    topic: str | None = None
    author: str | None = None
    tweeted_ms: int | None = None


class FeedbackRequest(Request):
    """One vote. The annotator is a free name; votes without one share the name `anonymous`."""

    prediction_id: str
    verdict: Verdict
    expected_label: Label | None = None
    comment: Annotated[str, StringConstraints(max_length=500), NO_NUL] | None = None
    annotator: Name | None = None


class Feedback(Message):
    """A stored vote with a snapshot of the prediction it speaks of. `text` is null until the log entry is there."""

    feedback_id: str
    prediction_id: str
    verdict: Verdict
    expected_label: Label | None = None
    comment: str | None = None
    annotator: str
    created_at: datetime
    supersedes: str | None = None
    model: ModelRef
    prediction_label: Label
    probability_negative: float
    predicted_at: datetime
    text: str | None = None


class FeedbackPage(Message):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[Feedback]
    next_cursor: str | None = None


class OtherAnswer(Message):
    """What another version of the family said of the same text: the champion, or one on trial."""

    alias: Literal["champion", "challenger", "shadow"]
    version: str
    prediction_label: Label
    probability_negative: float


class LoggedPrediction(Message):
    """One row of the history; `beside` are versions that said something of the same text without being asked for it."""

    prediction_id: str
    text: str
    model: ModelRef
    prediction_label: Label
    sentiment: Sentiment
    probability_negative: float
    requested_model: str | None = None
    degraded: bool = False
    created_at: datetime
    request_id: str = ""
    topic: str | None = None
    tweeted_at: datetime | None = None
    beside: list[OtherAnswer] = []


class PredictionPage(Message):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[LoggedPrediction]
    next_cursor: str | None = None


class HistoryFilter(Message):
    """Which rows of a history; `since` is inclusive, `until` is not."""

    model: Plain | None = None
    version: Plain | None = None
    since: Instant | None = None
    until: Instant | None = None


class HistoryQuery(HistoryFilter):
    """One page of a history, newest first; `cursor` is the `next_cursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: str | None = None


class PredictionQuery(HistoryQuery):
    """One page of the predictions: of one topic or of all, of one sentiment or of both."""

    topic: Name | None = None
    sentiment: Sentiment | None = None


class CountsQuery(Message):
    """Which predictions to count: since then (six hours ago), until now, of one topic or of all."""

    since: Instant | None = None
    step_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    topic: Name | None = None


class Counted(Message):
    """How many predictions, and how many of them negative."""

    total: int
    negative: int


class CountedMoment(Counted):
    """The predictions from `at` on, for one step."""

    at: datetime


class CountedPart(Counted):
    """The predictions of one family, or of one topic."""

    name: str


class PredictionCounts(Message):
    """Predictions over time, empty steps included, oldest first; by family, and by the topics with most of them."""

    step_minutes: int
    moments: list[CountedMoment]
    models: list[CountedPart]
    topics: list[CountedPart]


class FeedbackFilter(HistoryFilter):
    """Which votes."""

    verdict: Verdict | None = None


class FeedbackQuery(FeedbackFilter, HistoryQuery):
    """One page of votes, newest first."""


class ExportQuery(FeedbackFilter):
    """Which votes, and for whom."""

    raw: Annotated[bool, Field(description="Untouched cells, for machines; not safe to open in a spreadsheet.")] = False


class ErrorState(Message):
    """What the votes on one prediction say now; published after every vote that changed it.

    `error_ms` is the time (Unix ms, server clock) of its earliest current `incorrect` vote, null when there is none.
    `revision` counts up per prediction: a state with a lower revision than one already seen is stale.
    `traceparent` is the W3C trace context of the last vote, where that was traced. `author` is whose the text is, a
    keyed digest, where that is known.
    """

    prediction_id: str
    revision: int
    error_ms: int | None
    model: str
    version: str
    label: Label
    probability_negative: float
    predicted_ms: int
    text: str | None = None
    expected_label: Label | None = None
    comments: list[str] = []
    annotators: int = 0
    traceparent: str | None = None
    author: str | None = None

    @property
    def confidence(self) -> float:
        """The probability of the label that was answered."""
        return self.probability_negative if self.label == 0 else 1 - self.probability_negative


class Erasure(Message):
    """An author asked to be forgotten: everything by the author (a keyed digest) and every text of these predictions.

    Whoever handles it writes what was removed into the Redis hash `answer_key`, a number per kind of data.
    """

    erasure_id: str
    author: str
    prediction_ids: list[str]
    at_ms: int

    @property
    def answer_key(self) -> str:
        """Where the answers are."""
        return f"erasures:{self.erasure_id}"

    @cached_property
    def known_ids(self) -> frozenset[str]:
        """`prediction_ids`, to be looked up in."""
        return frozenset(self.prediction_ids)

    def covers(self, author: str | None, answered_ms: int, prediction_id: str | None = None) -> bool:
        """Whether a text is to go: the author's, of a prediction that was answered by then, or one of the named."""
        return prediction_id in self.known_ids or is_erased(author, answered_ms, {self.author: self.at_ms})


class ErrorDetail(Message):
    """The one error shape."""

    code: str
    message: str
    request_id: str


class ErrorBody(Message):
    """`{"error": {…}}` on every path and for every status."""

    error: ErrorDetail


class Health(Message):
    """`GET /healthz`: the process lives."""

    status: Literal["ok"] = "ok"


class Readiness(Message):
    """`GET /readyz`: each dependency by name, `ok` or what is wrong."""

    ready: bool
    dependencies: dict[str, str]
