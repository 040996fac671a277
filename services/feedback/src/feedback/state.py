"""What the routes of one running feedback service work with."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass

from fastapi import Request
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from feedback.counting import prediction_counts
from feedback.export import csv_lines
from feedback.history import all_feedback, feedback_page, one_feedback, prediction_page
from feedback.judge import TrialJudge
from feedback.publisher import Publisher
from feedback.voting import check_label, record, withdraw
from vigie import tracing
from vigie.errors import Unavailable
from vigie.receipts import ReceiptBook
from vigie.schemas import (
    CountsQuery,
    Feedback,
    FeedbackFilter,
    FeedbackPage,
    FeedbackQuery,
    FeedbackRequest,
    PredictionCounts,
    PredictionPage,
    PredictionQuery,
    Readiness,
)
from vigie.store import Store, StoreUnavailable, reading
from vigie.supervision import Supervised, task_states

VOTES = Counter("vigie_feedback_votes_total", "Votes taken.", ["verdict", "outcome"])
REDIS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FeedbackState:
    """Made in the lifespan, gone with it."""

    store: Store
    redis: Redis
    receipts: ReceiptBook
    publisher: Publisher
    judge: TrialJudge
    tasks: tuple[Supervised, ...]
    now_ms: Callable[[], int]

    async def vote(self, vote: FeedbackRequest) -> tuple[Feedback, bool]:
        """The vote that stands now, on disk, and whether it is its annotator's first on this prediction.

        Raises `NotFound` for a prediction id that was never issued, `InvalidRequest` for a label that contradicts.
        """
        receipt = self.receipts.read(vote.prediction_id)
        check_label(vote, receipt)
        traceparent = tracing.traceparent()

        def write(connection: Connection) -> tuple[Feedback, bool, bool]:
            recorded = record(connection, vote, receipt, self.now_ms(), traceparent)
            return one_feedback(connection, recorded.feedback_id), recorded.first, recorded.changed

        try:
            feedback, first, changed = await self.store.write(write)
        except SQLAlchemyError as error:
            raise Unavailable(f"the store did not take the vote: {type(error).__name__}") from error
        VOTES.labels(vote.verdict.value, "new" if first else "changed" if changed else "repeated").inc()
        if changed:
            self.publisher.wake()
        return feedback, first

    async def withdraw(self, feedback_id: str) -> Feedback:
        """The vote that stands no more; raises `NotFound` when it did not stand."""
        traceparent = tracing.traceparent()

        def write(connection: Connection) -> Feedback:
            withdraw(connection, feedback_id, self.now_ms(), traceparent)
            return one_feedback(connection, feedback_id)

        try:
            feedback = await self.store.write(write)
        except SQLAlchemyError as error:
            raise Unavailable(f"the store did not take the vote back: {type(error).__name__}") from error
        VOTES.labels(feedback.verdict.value, "withdrawn").inc()
        self.publisher.wake()
        return feedback

    async def feedback_page(self, query: FeedbackQuery) -> FeedbackPage:
        """One page of votes."""
        return await self.store.read(lambda connection: feedback_page(connection, query))

    async def prediction_page(self, query: PredictionQuery) -> PredictionPage:
        """One page of predictions."""
        return await self.store.read(lambda connection: prediction_page(connection, query))

    async def prediction_counts(self, query: CountsQuery) -> PredictionCounts:
        """Predictions over time."""
        return await self.store.read(lambda connection: prediction_counts(connection, query, self.now_ms()))

    def export(self, wanted: FeedbackFilter, *, raw: bool) -> Generator[str, None, None]:
        """The votes as CSV, line by line; runs in a worker thread. To be closed: it holds a connection until then."""
        with reading(self.store.engine) as connection:
            yield from csv_lines(all_feedback(connection, wanted), raw=raw)

    async def readiness(self) -> Readiness:
        """Ready when the store answers; votes do not need Redis, and a task that crashed is on its way back."""
        store, redis = await asyncio.gather(self._probe_store(), self._probe_redis())
        states = {"store": store, "redis": redis} | task_states(self.tasks)
        return Readiness(ready=store == "ok", dependencies=states)

    async def _probe_store(self) -> str:
        try:
            await self.store.read(lambda connection: connection.execute(text("SELECT 1")))
        except StoreUnavailable as error:
            return str(error)
        return "ok"

    async def _probe_redis(self) -> str:
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                await self.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return f"cannot be reached ({type(error).__name__}); votes are kept and wait"
        return "ok" if self.publisher.error is None else f"votes wait: {self.publisher.error}"


def state_of(request: Request) -> FeedbackState:
    """The state of the application that got this request."""
    state: FeedbackState = request.app.state.feedback
    return state
