"""The replicas of one predictor: each call goes to the one that has the fewest, one that cannot answer rests."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus

from gateway.channel import Channel, Lost, NotHttp, Reply
from vigie.errors import DeadlineExceeded

REST_SECONDS = 2.0
LONGEST_REST_SECONDS = 15.0
ATTEMPT_SHARE = 0.75
FAIR_SHARE = 0.5
_NO_TIME_SECONDS = 0.001
_PASSED_OVER = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}

Call = Callable[[Channel, float], Awaitable[Reply]]
"""Asks a server until a time of the clock; raises `DeadlineExceeded` for silence that says nothing of the server."""


class Replicas:
    """Servers that are as good as each other. `clock` tells seconds and does not go back.

    After an error of its connection, no answer, what is none, or when it has no model, one rests: it is called when no
    other can answer. The rest doubles with each failure in a row; of two that have as few calls the one that failed
    waits, so that nobody tries it out while there is little to do.
    """

    def __init__(self, channels: Sequence[Channel], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls = dict.fromkeys(channels, 0)
        self._rest = dict.fromkeys(channels, 0.0)
        self._resting_until = dict.fromkeys(channels, float("-inf"))

    def __len__(self) -> int:
        return len(self._calls)

    async def ask(self, call: Call, until: float) -> Reply:
        """The reply of the first that is there and ready; where none is, what came of the last call.

        A call is made again where there is another replica, and after an idle connection that was just closed: what is
        asked of a predictor is idempotent. Unless it is the only one awake, one may use `ATTEMPT_SHARE` of the time
        that is left, so that the next one still can answer; the silence of one that had less than `FAIR_SHARE` of all
        says nothing of it.
        """
        try:
            return await self._ask(call, until)
        except Lost:
            if len(self) > 1:
                raise
            return await self._ask(call, until)

    async def _ask(self, call: Call, until: float) -> Reply:
        others, started = list(self._calls), self._clock()
        while True:
            now = self._clock()
            awake = sum(self._resting_until[each] <= now for each in others)
            channel = min(others, key=partial(self._order, now))
            others.remove(channel)
            seconds = (until - now) * (ATTEMPT_SHARE if others and awake != 1 else 1.0)
            try:
                reply = await self._once(channel, call, now + seconds, fair=seconds >= FAIR_SHARE * (until - started))
            except (OSError, NotHttp, DeadlineExceeded):
                if not others or until - self._clock() < _NO_TIME_SECONDS:
                    raise
            else:
                if not others or reply.status not in _PASSED_OVER:
                    return reply

    def _order(self, now: float, channel: Channel) -> tuple[float, int, float]:
        return max(self._resting_until[channel], now), self._calls[channel], self._rest[channel]

    async def _once(self, channel: Channel, call: Call, until: float, *, fair: bool) -> Reply:
        self._calls[channel] += 1
        try:
            reply = await call(channel, until)
        except (OSError, NotHttp) as error:
            if fair or not isinstance(error, TimeoutError):
                self._lay_down(channel)
            raise
        finally:
            self._calls[channel] -= 1
        if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:  # nobody is sooner done: without a rest it gets all calls
            self._lay_down(channel)
        else:
            self._rest[channel], self._resting_until[channel] = 0.0, float("-inf")
        return reply

    def _lay_down(self, channel: Channel) -> None:
        now = self._clock()
        if self._resting_until[channel] <= now:  # else it was under way when the rest began: it says nothing new
            self._rest[channel] = min(2 * self._rest[channel], LONGEST_REST_SECONDS) or REST_SECONDS
        self._resting_until[channel] = now + self._rest[channel]

    def close(self) -> None:
        """Hangs up on all of them."""
        for channel in self._calls:
            channel.close()
