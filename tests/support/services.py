"""What a service needs to be one, where a test needs no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from vigie.schemas import Readiness


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    """A lifespan in which nothing happens."""
    yield


async def ready() -> Readiness:
    """Always."""
    return Readiness(ready=True, dependencies={})
