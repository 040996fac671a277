"""How often a key may ask: a token bucket per key, in this process."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter

from vigie.errors import RateLimited

BURST_SECONDS = 2.0

REFUSED = Counter("vigie_rate_limited_total", "Requests refused because their key asks too often.", ["key"])


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Rates:
    """`per_second` requests for each name, with `BURST_SECONDS` of them at once; 0 means no limit.

    A request is one token, whatever its size: the queue in front of each model bounds the texts. Several gateways each
    allow that many.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str) -> None:
        """One token; raises `RateLimited` with the seconds until there is one again."""
        if not self._per_second:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(self._size, now))
        bucket.tokens = min(self._size, bucket.tokens + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        if bucket.tokens < 1:
            REFUSED.labels(name).inc()
            raise RateLimited(
                f"expected at most {self._per_second:g} requests per second from the key {name!r}, got more",
                retry_after=(1 - bucket.tokens) / self._per_second,
            )
        bucket.tokens -= 1
