"""Tweets that were predicted on the page, and what the reader said of the predictions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, time

from pydantic import ValidationError

from ui.gateway import Gateway
from vigie.schemas import (
    BatchRequest,
    ExplainedBatchResponse,
    ExplainedPrediction,
    Feedback,
    FeedbackRequest,
    Label,
    PredictRequest,
    Verdict,
)
from vigie.wording import Texts

MOST_LINES = 200
UNDO_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote that the gateway has taken; `at` is Unix time in seconds, `previous` the vote that it replaced."""

    feedback_id: str
    verdict: Verdict
    expected_label: Label | None
    at: float
    previous: "Vote | None" = None

    @property
    def seconds_left(self) -> int:
        """How long it can be undone on the page."""
        return max(0, round(UNDO_SECONDS - (time() - self.at)))


@dataclass(frozen=True, slots=True)
class Tweet:
    """A line with its prediction, or with the `problem` that it was never sent for."""

    text: str
    prediction: ExplainedPrediction | None = None
    problem: str | None = None
    vote: Vote | None = None


@dataclass(slots=True)
class Sheet:
    """What is shown to one reader, kept for a session. Whoever changes a tweet holds `turn`: votes come one by one.

    `asked` is what was typed and the family, `made` when it was answered (`monotonic`). `left`: another sheet is shown
    in its place.
    """

    tweets: list[Tweet] = field(default_factory=list)
    asked: tuple[str, str | None] | None = None
    made: float = field(default_factory=monotonic)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: bool = False

    def place_of(self, prediction_id: str) -> int | None:
        """Where the tweet with that prediction stands, null when it is not on this sheet."""
        shown = ((place, tweet.prediction) for place, tweet in enumerate(self.tweets))
        return next((place for place, said in shown if said and said.prediction_id == prediction_id), None)


def lines_of(pasted: str) -> list[str]:
    """The lines that hold something."""
    return [line.strip() for line in pasted.splitlines() if line.strip()]


async def predict(gateway: Gateway, lines: Sequence[str], family: str | None, texts: Texts) -> list[Tweet]:
    """Every line with its prediction; a line that cannot be a tweet says why and keeps no other from an answer.

    Raises `Trouble`.
    """
    problems = [problem_of(line, texts) for line in lines]
    good = [line for line, problem in zip(lines, problems, strict=True) if problem is None]
    predictions: list[ExplainedPrediction] = []
    if good:
        request = BatchRequest(texts=good, model=family, explain=True)
        predictions = (await gateway.post("/predict/batch", request, ExplainedBatchResponse)).predictions
    answers = iter(predictions)
    return [
        Tweet(line, problem=problem) if problem else Tweet(line, next(answers))
        for line, problem in zip(lines, problems, strict=True)
    ]


def problem_of(line: str, texts: Texts) -> str | None:
    """Why this text cannot be a tweet, null when it can."""
    try:
        PredictRequest(text=line)
    except ValidationError as error:
        kind = error.errors()[0]["type"]
        return texts(f"trouble.{kind}", length=texts.number(len(line)))
    return None


async def vote(gateway: Gateway, tweet: Tweet, verdict: Verdict, annotator: str, *, unsure: bool = False) -> Tweet:
    """The tweet with the vote, which the gateway has taken; `unsure`: wrong, and the other label would be too.

    Raises `Trouble`.
    """
    if tweet.prediction is None:
        return tweet
    said: Label = tweet.prediction.prediction_label
    expected: Label | None = said if verdict is Verdict.CORRECT else 0 if said else 1
    request = FeedbackRequest(
        prediction_id=tweet.prediction.prediction_id,
        verdict=verdict,
        expected_label=None if unsure else expected,
        annotator=annotator,
    )
    taken = await gateway.post("/feedback", request, Feedback)
    before = tweet.vote
    if before is not None and before.feedback_id == taken.feedback_id:  # the same again replaces nothing
        before = before.previous
    return replace(tweet, vote=Vote(taken.feedback_id, taken.verdict, taken.expected_label, time(), before))


async def undo(gateway: Gateway, tweet: Tweet) -> Tweet:
    """The tweet one vote back: the gateway has withdrawn the last, and what that one had replaced stands again.

    That one can be undone in turn. Raises `Trouble`.
    """
    if tweet.vote is None:
        return tweet
    await gateway.delete(f"/feedback/{tweet.vote.feedback_id}", Feedback)
    previous = tweet.vote.previous
    return replace(tweet, vote=previous and replace(previous, at=time()))
