"""The replicas of one predictor: each call goes to the one that has the fewest, one that does not answer rests."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gateway.channel import Channel

REST_SECONDS = 2.0


class Replicas:
    """Servers that are as good as each other. `clock` tells seconds and does not go back."""

    def __init__(self, channels: Sequence[Channel], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls = dict.fromkeys(channels, 0)
        self._resting_until = dict.fromkeys(channels, float("-inf"))

    def __len__(self) -> int:
        return len(self._calls)

    @contextmanager
    def call(self) -> Iterator[Channel]:
        """Whom to call inside the block; it rests after an error of its connection or no answer, unless all do."""
        now = self._clock()
        channel = min(self._calls, key=lambda each: (self._resting_until[each] > now, self._calls[each]))
        self._calls[channel] += 1
        try:
            yield channel
        except OSError:
            self._resting_until[channel] = self._clock() + REST_SECONDS
            raise
        finally:
            self._calls[channel] -= 1

    def close(self) -> None:
        """Hangs up on all of them."""
        for channel in self._calls:
            channel.close()
