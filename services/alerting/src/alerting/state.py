"""What one running alerting service is made of, and whether it can do its work."""

import asyncio
from dataclasses import dataclass

from fastapi import Request
from redis.asyncio import Redis
from redis.exceptions import RedisError

from alerting.pages import ActionPages
from alerting.radar.feed import RadarFeed
from alerting.sender import Sender
from alerting.silences import SilenceBook
from alerting.store import AlertStore
from alerting.trial import TrialMail
from vigie.alerts import RaisedAlert
from vigie.schemas import ErrorState, Readiness
from vigie.store import StoreUnavailable
from vigie.streams import Consumer
from vigie.supervision import Supervised, task_states

PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class AlertingState:
    """Made in the lifespan, gone with it."""

    redis: Redis
    store: AlertStore
    sender: Sender
    trial: TrialMail
    silences: SilenceBook
    pages: ActionPages
    errors: Consumer[ErrorState]
    alerts: Consumer[RaisedAlert]
    radar: RadarFeed | None
    tasks: tuple[Supervised, ...]

    async def readiness(self) -> Readiness:
        """Ready when errors can become mails in the queue; the mail server's last answer is reported, not required."""
        redis, store = await asyncio.gather(self._probe_redis(), self._probe_store())
        states = {"redis": redis, "store": store}
        states |= {"feedback stream": _reading(self.errors), "alerts stream": _reading(self.alerts)}
        states |= {"predictions stream": _reading(self.radar)} if self.radar else {}
        states |= task_states(self.tasks)
        ready = all(state == "ok" for state in states.values())
        return Readiness(ready=ready, dependencies=states | {"smtp": self.sender.last_answer})

    async def _probe_redis(self) -> str:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return f"cannot be reached ({type(error).__name__})"
        return "ok"

    async def _probe_store(self) -> str:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self.store.probe()
        except (StoreUnavailable, TimeoutError) as error:
            return f"does not answer ({error or 'too slow'})"
        return "ok"


def _reading(reader: Consumer[ErrorState] | Consumer[RaisedAlert] | RadarFeed) -> str:
    return "ok" if reader.connected else "not connected"


def state_of(request: Request) -> AlertingState:
    """The state of the application that got this request."""
    state: AlertingState = request.app.state.alerting
    return state
