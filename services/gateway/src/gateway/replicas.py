"""The replicas of one predictor: each call goes to the one that has the fewest, one that cannot answer rests."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from gateway.channel import Channel, Lost, NotHttp, Reply

REST_SECONDS = 2.0

Call = Callable[[Channel], Awaitable[Reply]]


class NotReady(Exception):
    """A replica is there and has no model yet. Nobody is sooner done with a call: without a rest it gets them all."""


class Replicas:
    """Servers that are as good as each other. `clock` tells seconds and does not go back."""

    def __init__(self, channels: Sequence[Channel], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls = dict.fromkeys(channels, 0)
        self._resting_until = dict.fromkeys(channels, float("-inf"))

    def __len__(self) -> int:
        return len(self._calls)

    async def ask(self, call: Call) -> Reply:
        """The reply of the first that is there and ready; where none is, what came of the last call.

        A call is made again where there is another replica, and after an idle connection that was just closed: what is
        asked of a predictor is idempotent. One that took all the time there was is not.
        """
        alone = len(self) == 1
        for _ in range(max(1, len(self) - 1)):
            try:
                return await self._once(call, last=alone)
            except NotReady:
                continue
            except TimeoutError:
                raise
            except (OSError, NotHttp) as error:
                if alone and not isinstance(error, Lost):
                    raise
        return await self._once(call, last=True)

    async def _once(self, call: Call, *, last: bool) -> Reply:
        with self.call() as channel:
            reply = await call(channel)
            if reply.status == HTTPStatus.SERVICE_UNAVAILABLE and not last:
                raise NotReady
            return reply

    @contextmanager
    def call(self) -> Iterator[Channel]:
        """Whom to call inside the block; unless all do, it rests after an error of its connection, no answer, what is
        none, and `NotReady`.
        """
        now = self._clock()
        channel = min(self._calls, key=lambda each: (self._resting_until[each] > now, self._calls[each]))
        self._calls[channel] += 1
        try:
            yield channel
        except (OSError, NotHttp, NotReady):
            self._resting_until[channel] = self._clock() + REST_SECONDS
            raise
        finally:
            self._calls[channel] -= 1

    def close(self) -> None:
        """Hangs up on all of them."""
        for channel in self._calls:
            channel.close()
