"""The feedback service in this process, on either database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from feedback.app import create_app
from feedback.settings import FeedbackSettings
from tests.support.servers import as_service


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> FeedbackSettings:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return FeedbackSettings.read(vigie_home=tmp_path, redis_url=as_service(redis_url), database_url=url)


@pytest.fixture
def on_sqlite(tmp_path: Path, redis_url: str) -> FeedbackSettings:
    return FeedbackSettings.read(vigie_home=tmp_path, redis_url=as_service(redis_url))


@asynccontextmanager
async def service(settings: FeedbackSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://feedback", timeout=30) as client:
            yield client
