"""What the routes of one running gateway work with."""

import asyncio
from dataclasses import dataclass

from fastapi import Request
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.backends import Backend
from gateway.keys import KeyRing, Scope
from gateway.origins import Origins
from gateway.prediction_log import PredictionLog
from gateway.predictions import Predictions
from gateway.rates import Rates
from vigie.schemas import ModelList, Readiness

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
        return ModelList(default=self.predictions.default, models=list(statuses))

    async def readiness(self) -> Readiness:
        """Ready when the default model can answer; the rest is reported, not required."""
        models, feedback, alerting, redis = await asyncio.gather(
            self.models(), self.feedback.probe(), self.alerting.probe(), self._probe_redis()
        )
        states = {f"model:{model.name}": "ok" if model.ready else "not ready" for model in models.models}
        ready = states[f"model:{models.default}"] == "ok"
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


def state_of(request: Request) -> GatewayState:
    """The state of the application that got this request."""
    state: GatewayState = request.app.state.gateway
    return state
