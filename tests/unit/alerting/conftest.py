"""A Redis client and error states for tests of the rule."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from vigie.streams import open_redis


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    client = open_redis(redis_url)
    yield client
    await client.aclose()
