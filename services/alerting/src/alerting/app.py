"""Wires the alerting service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from redis.asyncio import Redis

from alerting import parts
from alerting.erasing import Eraser
from alerting.housekeeping import Housekeeping
from alerting.intake import Intake
from alerting.outbox import Outbox
from alerting.routes import links, router
from alerting.rule import ErrorRule
from alerting.settings import AlertingSettings
from alerting.silences import SilenceBook
from alerting.state import AlertingState
from alerting.store import AlertStore
from vigie.schemas import Readiness
from vigie.store import Store
from vigie.streams import ALERTS, ERASURES, FEEDBACK, open_redis
from vigie.supervision import Supervised
from vigie.web import service_app

STOP_SECONDS = 5.0


def create_app(settings: AlertingSettings | None = None) -> FastAPI:
    """The alerting service; without `settings` it reads them from the environment."""
    settings = settings or AlertingSettings.read()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running_alerting(settings) as state:
            app.state.alerting = state
            yield

    async def readiness() -> Readiness:
        state: AlertingState = app.state.alerting
        return await state.readiness()

    app = service_app("Vigie alerting", lifespan=lifespan, readiness=readiness)
    app.include_router(router)
    app.include_router(links)
    return app


@asynccontextmanager
async def running_alerting(settings: AlertingSettings) -> AsyncIterator[AlertingState]:
    """The store, both consumers, the sender and the housekeeping, for as long as the service runs."""
    sql, redis = Store(settings.store_url()), open_redis(settings.redis_url)
    store = AlertStore(sql, now_ms=parts.now_ms)
    await store.prepare()
    state = assemble(settings, redis, store)
    for task in state.tasks:
        task.start()
    try:
        yield state
    finally:
        await state.sender.stop()
        for task in reversed(state.tasks):
            await task.stop(STOP_SECONDS if task.name == "sender" else 0)
        await redis.aclose()
        await sql.close()


def assemble(settings: AlertingSettings, redis: Redis, store: AlertStore) -> AlertingState:
    """The parts and how they know each other; the tasks are not started."""
    rule, queue = ErrorRule(redis, settings.rule()), parts.delivery_queue(settings, store)
    sender = parts.sender(settings, queue)
    intake = Intake(rule, store)
    radar, writer, silences = parts.radar_feed(settings, redis), parts.mail_writer(settings), SilenceBook(store)
    figures = parts.day_figures(rule, radar.memory)
    outbox = Outbox(store, writer, settings.alert_mail_to, figures=figures, wake=sender.wake)
    errors = parts.consumer(settings, redis, FEEDBACK, intake.judge, intake.restore)
    alerts = parts.consumer(settings, redis, ALERTS, outbox.keep)
    erasures = parts.consumer(settings, redis, ERASURES, Eraser(redis, store).erase)
    chores = Housekeeping(
        redis, rule, store, queue, radar=radar.memory, message_id=writer.message_id, pace=parts.pace(settings)
    )
    return AlertingState(
        redis=redis,
        store=store,
        sender=sender,
        trial=parts.trial_mail(settings),
        silences=silences,
        pages=parts.action_pages(settings, silences),
        errors=errors,
        alerts=alerts,
        radar=radar if settings.radar_enabled else None,
        tasks=(
            Supervised("sender", sender.run),
            Supervised("outbox", alerts.run),
            Supervised("intake", errors.run),
            Supervised("erasures", erasures.run),
            *([Supervised("radar", radar.run)] if settings.radar_enabled else []),
            Supervised("housekeeping", chores.run),
        ),
    )
