"""Wires the feedback service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import gethostname
from time import time

from fastapi import FastAPI

from feedback.beside import TrialLog
from feedback.judge import TrialJudge
from feedback.prediction_log import PredictionLog, keep_trimmed
from feedback.publisher import Publisher
from feedback.retention import Retention, keep_to
from feedback.routes import router
from feedback.settings import FeedbackSettings
from feedback.state import FeedbackState
from feedback.tables import create_tables
from vigie.receipts import ReceiptBook
from vigie.schemas import Readiness
from vigie.settings import derived_key
from vigie.store import Store
from vigie.streams import PREDICTIONS, TRIALS, Consumer, open_redis
from vigie.supervision import Supervised
from vigie.web import service_app

GATHER_SECONDS = 0.05


def create_app(settings: FeedbackSettings | None = None) -> FastAPI:
    """The feedback service; without `settings` it reads them from the environment."""
    settings = settings or FeedbackSettings.read()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running_feedback(settings) as state:
            app.state.feedback = state
            yield

    async def readiness() -> Readiness:
        state: FeedbackState = app.state.feedback
        return await state.readiness()

    app = service_app("Vigie feedback", lifespan=lifespan, readiness=readiness)
    app.include_router(router)
    return app


@asynccontextmanager
async def running_feedback(settings: FeedbackSettings) -> AsyncIterator[FeedbackState]:
    """The store, the publisher and the log's consumer, for as long as the service runs."""
    store = Store(settings.store_url())
    redis = open_redis(settings.redis_url)
    await store.write(create_tables)
    log = PredictionLog(store)
    publisher = Publisher(store, redis, now_ms=now_ms, text_arrived=log.arrived)
    judge = TrialJudge(store, redis, now_ms=now_ms)
    answers = Consumer(
        redis, PREDICTIONS, group="feedback", name=gethostname(), handle=log.keep, gather_seconds=GATHER_SECONDS
    )
    trials = Consumer(redis, TRIALS, group="feedback", name=gethostname(), handle=TrialLog(store).keep)
    kept = Retention(settings.retention_predictions_days, settings.retention_votes_days)
    tasks = (
        Supervised("publisher", publisher.run),
        Supervised("judge", judge.run),
        Supervised("predictions", answers.run),
        Supervised("trials", trials.run),
        Supervised("trimming", lambda: keep_trimmed(redis)),
        Supervised("retention", lambda: keep_to(kept, store, now_ms)),
    )
    for task in tasks:
        task.start()
    yield FeedbackState(
        store=store,
        redis=redis,
        receipts=ReceiptBook(derived_key(settings.receipt_secret, "receipt")),
        publisher=publisher,
        judge=judge,
        tasks=tasks,
        now_ms=now_ms,
    )
    for task in tasks:
        await task.stop()
    await redis.aclose()
    await store.close()


def now_ms() -> int:
    """Unix time in milliseconds by this server's clock."""
    return int(time() * 1000)
