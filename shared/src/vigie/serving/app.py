"""Wires a predictor for any model family."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from vigie.catalogue import Family, find_family
from vigie.predictor import LoadablePredictor
from vigie.protocol import error_body
from vigie.registry import MlflowRegistry, Registry
from vigie.schemas import Readiness
from vigie.serving import routes
from vigie.serving.history import PromotionHistory
from vigie.serving.lanes import make_lanes
from vigie.serving.settings import PredictorSettings
from vigie.serving.state import PredictorState
from vigie.serving.threads import ComputeThreads
from vigie.web import service_app

BODY_LIMIT = 16 * 1024 * 1024


def predictor_app(
    family_name: str, kind: type[LoadablePredictor], settings: PredictorSettings, *, registry: Registry | None = None
) -> FastAPI:
    """The application that serves the family with models that `kind` loads; `registry` replaces the MLflow server."""
    family = find_family(family_name)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        source = registry or MlflowRegistry(settings.mlflow_tracking_uri)
        async with running_predictor(family, kind, settings, source) as state:
            app.state.predictor = state
            yield

    async def readiness() -> Readiness:
        state: PredictorState = app.state.predictor
        return state.readiness()

    app = service_app(
        f"Vigie {family.service}",
        lifespan=lifespan,
        readiness=readiness,
        render_error=error_body,
        body_limit=BODY_LIMIT,
        version="1",
        description=f"{family.title}, by the Open Inference Protocol (V2).",
    )
    for router in (routes.server, routes.models, routes.inference):
        app.include_router(router)
    app.direct["POST", f"/v2/models/{family.name}/infer"] = routes.infer
    return app


@asynccontextmanager
async def running_predictor(
    family: Family, kind: type[LoadablePredictor], settings: PredictorSettings, registry: Registry
) -> AsyncIterator[PredictorState]:
    """The compute threads and the followers', for as long as the predictor runs."""
    with ComputeThreads(settings.predictor_batches_at_once) as threads:
        lanes = make_lanes(family, kind, settings, registry, threads)
        followed = (lanes.main, *lanes.trials)
        for lane in followed:
            lane.follower.start(settings.model_poll_seconds)
        yield PredictorState(family, lanes, PromotionHistory(registry), settings.predictor_timeout_seconds)
        await asyncio.gather(*(asyncio.to_thread(lane.follower.stop) for lane in followed))
        for lane in followed:
            await lane.engine.stop()
