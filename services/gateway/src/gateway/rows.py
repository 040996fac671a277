"""What is answered, and what is logged of it, as plain rows: field by field `Prediction` and `PredictionEvent`.

They are written as they are: validating our own answers took a third of what a tweet in a batch costs here.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from vigie.receipts import label_of
from vigie.schemas import WordWeight

_SENTIMENTS: tuple[Literal["negative"], Literal["positive"]] = ("negative", "positive")
_DIGITS = 6


class ModelRow(TypedDict):
    """Which version of which family."""

    name: str
    version: str


class ProbabilitiesRow(TypedDict):
    """They add up to 1."""

    negative: float
    positive: float


class PredictionRow(TypedDict):
    """An answer; `explanation` is there where it was asked for."""

    prediction_id: str
    sentiment: Literal["negative", "positive"]
    prediction_label: int
    confidence: float
    probabilities: ProbabilitiesRow
    model: ModelRow
    requested_model: str | None
    degraded: bool
    explanation: NotRequired[Sequence[WordWeight] | None]


class EventRow(TypedDict):
    """What the log holds of an answer."""

    prediction_id: str
    text: str
    model: str
    version: str
    label: int
    probability_negative: float
    requested_model: str | None
    degraded: bool
    created_ms: int
    request_id: str
    topic: str | None
    author: str | None
    tweeted_ms: int | None


def prediction_row(prediction_id: str, negative: float, model: ModelRow, asked: str | None) -> PredictionRow:
    """The answer by `model`; `asked` is the family that was wanted, when that is another one."""
    label = label_of(negative)
    shown = round(negative, _DIGITS)
    rest = round(1 - shown, _DIGITS)
    return {
        "prediction_id": prediction_id,
        "sentiment": _SENTIMENTS[label],
        "prediction_label": label,
        "confidence": max(shown, rest),
        "probabilities": {"negative": shown, "positive": rest},
        "model": model,
        "requested_model": asked,
        "degraded": asked is not None,
    }
