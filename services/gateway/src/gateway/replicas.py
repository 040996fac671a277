"""The replicas of one predictor: each call goes to the one that has the fewest, one that cannot be reached rests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import aiohttp

REST_SECONDS = 2.0


class Replicas:
    """Base URLs that are as good as each other. Times are seconds of any clock that does not go back."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._calls = dict.fromkeys(urls, 0)
        self._resting_until = dict.fromkeys(urls, float("-inf"))

    def __len__(self) -> int:
        return len(self._calls)

    @contextmanager
    def call(self, now: float) -> Iterator[str]:
        """The base URL to call inside the block; it rests after an error of its connection, unless all do."""
        url = min(self._calls, key=lambda each: (self._resting_until[each] > now, self._calls[each]))
        self._calls[url] += 1
        try:
            yield url
        except aiohttp.ClientConnectionError:
            self._resting_until[url] = now + REST_SECONDS
            raise
        finally:
            self._calls[url] -= 1
