"""Predicts the rows of a file, many at a time; what is answered is kept, whatever happens next."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Literal, NamedTuple

from ui.gateway import BATCHES_AT_ONCE, Gateway, Trouble
from ui.judging import problem_of
from ui.reading import Table
from vigie.schemas import BatchRequest, BatchResponse, Label, ModelRef, Sentiment
from vigie.wording import Texts

Wanted = Literal["all", "negative", "positive", "unsure", "refused"]

BATCH_ROWS = 500
BATCH_BYTES = 700_000
ATTEMPTS = 5

_WORTH_ANOTHER_TRY = {
    "queue_full",
    "rate_limited",
    "no_model_ready",
    "unavailable",
    "deadline_exceeded",
    "too_slow",
    "unreachable",
}


class Answer(NamedTuple):
    """What is kept of a prediction: a tenth of what the gateway sends, as fifty thousand are kept for a session."""

    prediction_label: Label
    negative: float
    model: ModelRef
    prediction_id: str

    @property
    def sentiment(self) -> Sentiment:
        """The label as a word."""
        return Sentiment.POSITIVE if self.prediction_label else Sentiment.NEGATIVE

    @property
    def confidence(self) -> float:
        """The probability of what it says."""
        return max(self.negative, 1 - self.negative)


@dataclass(slots=True, eq=False)
class Run:
    """One file on its way, kept for a session. `answers` and `problems` are by row; a row may have neither yet.

    `under_way`: from the press until its files are written; `cancelled`: no more is sent; `left`: nobody looks at it
    any more; `wanted` and `search`: which rows the reader wants to see.
    """

    table: Table | None = None
    column: str = ""
    family: str | None = None
    answers: list[Answer | None] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    under_way: bool = False
    cancelled: bool = False
    left: bool = False
    wanted: Wanted = "all"
    search: str = ""
    seconds: float = 0.0

    async def begin(self, table: Table, column: str, family: str | None, texts: Texts) -> None:
        """Starts over, unless the same is asked again: then only what has no answer is sent."""
        self.cancelled = False  # before anything is awaited: who stops it meanwhile means this time
        if (self.table, self.column, self.family) != (table, column, family):
            problems = await asyncio.to_thread(_problems, table.columns[column], texts)
            self.table, self.column, self.family = table, column, family
            self.answers, self.problems, self.seconds = [None] * table.size, problems, 0.0

    def leave(self) -> None:
        """Its reader goes on to another file."""
        self.cancelled = self.left = True

    @property
    def texts(self) -> list[str]:
        """What is predicted, by row."""
        return self.table.columns[self.column] if self.table else []

    @property
    def lines(self) -> Sequence[int]:
        """Where the rows stand in the file, counted like a spreadsheet does (the header is 1)."""
        return self.table.lines if self.table else []

    @property
    def total(self) -> int:
        """How many rows can be predicted."""
        return len(self.answers) - len(self.problems)

    @property
    def done(self) -> int:
        """How many are."""
        return sum(answer is not None for answer in self.answers)

    def waiting(self) -> list[int]:
        """Rows that could be predicted and are not yet."""
        return [row for row, answer in enumerate(self.answers) if answer is None and row not in self.problems]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is; `seconds_left` is null while nothing can be said."""

    done: int
    total: int
    seconds_left: float | None


async def score(run: Run, gateway: Gateway) -> AsyncGenerator[Progress, None]:
    """Predicts what waits, until all is done; raises `Trouble` when the gateway stays away.

    A cancelled run ends when the answers have come that are under way: they are in the log, and would be twice.
    """
    started, already = monotonic(), run.done
    batches = batches_of(run.waiting(), run.texts)
    under_way: set[asyncio.Task[None]] = set()
    done, total = already, run.total
    try:
        while True:
            while not run.cancelled and len(under_way) < BATCHES_AT_ONCE and (rows := next(batches, None)):
                under_way.add(asyncio.create_task(_predict(run, gateway, rows)))
            if not under_way:
                return
            finished, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
            done, took = run.done, monotonic() - started
            yield Progress(done, total, took / (done - already) * (total - done) if done > already else None)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        run.seconds += monotonic() - started


def batches_of(rows: Sequence[int], texts: Sequence[str]) -> Iterator[list[int]]:
    """The rows in pieces of at most `BATCH_ROWS`, and of a size that the gateway takes."""
    batch: list[int] = []
    size = 0
    for row in rows:
        weight = 2 * len(texts[row].encode("utf-8", "replace"))
        if batch and (len(batch) == BATCH_ROWS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


def _problems(rows: Sequence[str], texts: Texts) -> dict[int, str]:
    return {row: problem for row, text in enumerate(rows) if (problem := problem_of(text, texts))}


async def _predict(run: Run, gateway: Gateway, rows: list[int]) -> None:
    request = BatchRequest.model_construct(texts=[run.texts[row].strip() for row in rows], model=run.family)
    for attempt in count(1):
        try:
            async with gateway.batch_turns:
                if run.cancelled:
                    return
                reply = await gateway.post("/predict/batch", request, BatchResponse)
        except Trouble as trouble:
            if attempt == ATTEMPTS or trouble.code not in _WORTH_ANOTHER_TRY:
                raise
            await asyncio.sleep(min(trouble.retry_after or 1.0, 5.0))
            continue
        models: dict[ModelRef, ModelRef] = {}  # a challenger may answer some rows; equal ones are kept once
        for row, said in zip(rows, reply.predictions, strict=True):
            model = models.setdefault(said.model, said.model)
            run.answers[row] = Answer(said.prediction_label, said.probabilities.negative, model, said.prediction_id)
        return
