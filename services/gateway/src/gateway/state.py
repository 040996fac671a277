"""What the routes of one running gateway work with."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Security
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.backends import Backend
from gateway.keys import KEY_HEADER, KeyRing, Scope
from gateway.origins import Origins
from gateway.prediction_log import PredictionLog
from gateway.predictions import Predictions
from gateway.rates import Rates
from vigie.model_status import ModelList, ModelStatus
from vigie.schemas import Readiness

REDIS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class GatewayState:
    """Made in the lifespan, gone with it."""

    keys: KeyRing
    rates: Rates
    predictions: Predictions
    origins: Origins
    log: PredictionLog
    feedback: Backend
    alerting: Backend
    redis: Redis

    def admit(self, key: str | None, scope: Scope) -> None:
        """Lets a request in; raises `Unauthorized`, `Forbidden` or `RateLimited`."""
        self.rates.take(self.keys.authorise(key, scope))

    async def models(self) -> ModelList:
        """Every family this gateway serves, as its predictor describes itself now."""
        clients = self.predictions.clients.values()
        statuses = await asyncio.gather(*(client.status() for client in clients))
        trials = self.predictions.trials
        models = [status.model_copy(update={"trials": trials.reports(status.name)}) for status in statuses]
        return ModelList(default=self.predictions.default, models=models)

    async def readiness(self) -> Readiness:
        """Ready when the default model can answer; the rest is reported, not required."""
        models, feedback, alerting, redis = await asyncio.gather(
            self.models(), self.feedback.probe(), self.alerting.probe(), self._probe_redis()
        )
        states = {f"model:{model.name}": _state(model) for model in models.models}
        ready = any(model.ready for model in models.models if model.name == models.default)
        return Readiness(
            ready=ready, dependencies=states | {"redis": redis, "feedback": feedback, "alerting": alerting}
        )

    async def _probe_redis(self) -> str:
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                await self.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return f"cannot be reached ({type(error).__name__}); predictions are answered, their log waits"
        return "ok" if self.log.error is None else f"refuses the prediction log: {self.log.error}"


def _state(model: ModelStatus) -> str:
    if not model.ready:
        return f"not ready: {model.problem}"
    reason = f", version {model.rejected.version} was rejected: {model.rejected.reason}" if model.rejected else ""
    return f"ok, but stale since {model.stale_since:%Y-%m-%dT%H:%M:%SZ}{reason}" if model.stale_since else "ok"


def admitted(scope: Scope) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency that lets a request in, or not: see `GatewayState.admit`."""

    async def check(request: Request, key: Annotated[str | None, Security(KEY_HEADER)]) -> None:
        state_of(request).admit(key, scope)

    return check


def state_of(request: Request) -> GatewayState:
    """The state of the application that got this request."""
    state: GatewayState = request.app.state.gateway
    return state
