"""The replicas of one predictor: each call goes to the one that has the fewest, one that does not answer rests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.channel import Channel

REST_SECONDS = 2.0


class Replicas:
    """Servers that are as good as each other. Times are seconds of any clock that does not go back."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._calls = dict.fromkeys(channels, 0)
        self._resting_until = dict.fromkeys(channels, float("-inf"))

    def __len__(self) -> int:
        return len(self._calls)

    @contextmanager
    def call(self, now: float) -> Iterator[Channel]:
        """Whom to call inside the block; it rests after an error of its connection or no answer, unless all do."""
        channel = min(self._calls, key=lambda each: (self._resting_until[each] > now, self._calls[each]))
        self._calls[channel] += 1
        try:
            yield channel
        except OSError:
            self._resting_until[channel] = now + REST_SECONDS
            raise
        finally:
            self._calls[channel] -= 1

    def close(self) -> None:
        """Hangs up on all of them."""
        for channel in self._calls:
            channel.close()
