"""Wires the gateway."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from fastapi import FastAPI

from gateway import open_inference, routes
from gateway.backends import Backend
from gateway.brown_out import BrownOut
from gateway.direct import DirectRoute
from gateway.key_file import follow
from gateway.origins import Origins
from gateway.prediction_log import PredictionLog, TrialLog
from gateway.predictions import Predictions
from gateway.predictors import PredictorClient
from gateway.rates import Rates
from gateway.settings import GatewaySettings
from gateway.state import GatewayState
from gateway.trials import Trial, Trials
from vigie.authors import AuthorBook
from vigie.catalogue import CHALLENGER, SHADOW, Family
from vigie.receipts import ReceiptBook
from vigie.schemas import Readiness
from vigie.settings import derived_key
from vigie.streams import open_redis
from vigie.tasks import end
from vigie.web import service_app

DRAIN_SECONDS = 3.0


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """The gateway; without `settings` it reads them from the environment."""
    settings = settings or GatewaySettings.read()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running_gateway(settings) as state:
            app.state.gateway = state
            yield

    async def readiness() -> Readiness:
        state: GatewayState = app.state.gateway
        return await state.readiness()

    app = service_app(
        "Vigie gateway",
        lifespan=lifespan,
        readiness=readiness,
        version="1",
        description="Sentiment of tweets, feedback on it, and the alerts that follow.",
    )
    for router in (*routes.ROUTERS, open_inference.server, open_inference.described, open_inference.inference):
        app.include_router(router)
    for route in (*routes.predicting.routes, *routes.voting.routes):
        if isinstance(route, DirectRoute):
            app.direct["POST", route.path] = route.get_route_handler()
    return app


@asynccontextmanager
async def running_gateway(settings: GatewaySettings) -> AsyncIterator[GatewayState]:
    """Clients, queues and the log's task, for as long as the gateway runs."""
    redis = open_redis(settings.redis_url)
    patience = settings.backend_timeout_seconds
    kept = {"buffer": settings.log_buffer, "stream_entries": settings.log_stream_entries}
    log, trial_log = PredictionLog(redis, **kept), TrialLog(redis, **kept)
    async with (
        Backend("feedback", settings.feedback_url, timeout_seconds=patience) as feedback,
        Backend("alerting", settings.alerting_url, timeout_seconds=patience) as alerting,
    ):
        trials = [trial_of(settings, family, url, trial_log) for family, url in settings.families()]
        opened = [client for trial in trials for client in trial.clients]
        keys = settings.keys()
        followed = Trials(trials, percent=settings.canary_percent, feedback=feedback)
        trying = [asyncio.create_task(each) for each in followed.work()]
        tasks = [asyncio.create_task(each) for each in (log.run(), trial_log.run())]
        tasks += [asyncio.create_task(follow(path, keys)) for path in (settings.gateway_api_keys_file,) if path]
        yield GatewayState(
            keys=keys,
            rates=Rates(settings.rate_limit_per_second, monotonic),
            predictions=predictions_of(settings, trials, followed, log),
            origins=Origins(AuthorBook(settings.receipt_secret)),
            log=log,
            feedback=feedback,
            alerting=alerting,
            redis=redis,
        )
        for task in trying:  # before the clients: a shadow that is asked of a closed one would seem to fail
            await end(task)
        for client in opened:
            await client.stop()
        for task in tasks:
            await end(task)
        for each in (log, trial_log):
            await each.drain(DRAIN_SECONDS)
    await redis.aclose()


def predictions_of(
    settings: GatewaySettings, trials: Sequence[Trial], followed: Trials, log: PredictionLog
) -> Predictions:
    """What answers tweets."""
    return Predictions(
        [trial.main for trial in trials],
        default=settings.default_model,
        fallback=settings.fallback,
        brown_out=BrownOut(settings.brown_out_seconds, settings.brown_out_confidence),
        trials=followed,
        receipts=ReceiptBook(derived_key(settings.receipt_secret, "receipt")),
        log=log,
        timeout_seconds=settings.predict_timeout_seconds,
    )


def trial_of(settings: GatewaySettings, family: Family, url: str, log: TrialLog) -> Trial:
    """The clients of one family: of what serves, and of what is on trial beside it."""

    def client(alias: str | None = None) -> PredictorClient:
        return PredictorClient(
            family,
            url,
            queue_limit=settings.queue_limit,
            burst_seconds=settings.queue_burst_seconds,
            batch_size=settings.batch_size,
            timeout_seconds=settings.predict_timeout_seconds,
            alias=alias,
        )

    return Trial(client(), client(CHALLENGER), client(SHADOW), percent=settings.canary_percent, log=log)
