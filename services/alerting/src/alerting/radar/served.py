"""A stream of tweets as the served model sees it, and as people labelled it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from alerting.gateway import Gateway
from alerting.radar.rows import Row
from alerting.radar.watch import Tweet
from vigie.fields import TEXT_LIMIT
from vigie.schemas import BatchRequest, BatchResponse

TWEETS_PER_REQUEST = 500

Progress = Callable[[int], None]


def predicted(rows: Sequence[Row], gateway: Gateway, progress: Progress) -> list[Tweet]:
    """The rows as the model sees them; raises `Unavailable`."""
    found: list[Tweet] = []
    for first in range(0, len(rows), TWEETS_PER_REQUEST):
        piece = rows[first : first + TWEETS_PER_REQUEST]
        found += _piece(piece, gateway)
        progress(len(piece))
    return found


def labelled(rows: Sequence[Row]) -> list[Tweet]:
    """The rows as people labelled them; rows without a label are left out."""
    return [
        Tweet(row.at_ms, row.label == 0, float(row.label == 0), row.text, row.topic, row.author)
        for row in rows
        if row.label is not None
    ]


def _piece(rows: Sequence[Row], gateway: Gateway) -> Iterator[Tweet]:
    # With its time, a tweet of the past is history for the radar of the running service, and no surge of now.
    times = [datetime.fromtimestamp(row.at_ms / 1000, UTC) for row in rows]
    body = BatchRequest(texts=[row.text[:TEXT_LIMIT] for row in rows], created_at=[*times])
    answers = gateway.post("/predict/batch", body, BatchResponse).predictions
    for row, answer in zip(rows, answers, strict=True):
        negative = answer.prediction_label == 0
        yield Tweet(row.at_ms, negative, answer.probabilities.negative, row.text, row.topic, row.author)
