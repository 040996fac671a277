"""The export while its client reads slowly, and when it leaves."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx

from feedback.app import create_app
from feedback.settings import FeedbackSettings
from tests.integration.feedback.test_service import prediction, vote
from tests.support.eventually import until

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/feedback/export.csv",
    "raw_path": b"/feedback/export.csv",
    "query_string": b"",
    "headers": [],
    "server": ("feedback", 80),
    "client": ("127.0.0.1", 1),
}


class SlowClient:
    """Takes the first line, and no second one; `leave` hangs up."""

    def __init__(self) -> None:
        self.reads, self.leave = asyncio.Event(), asyncio.Event()
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            self.reads.set()
            await asyncio.Event().wait()


async def test_an_export_keeps_no_vote_waiting_and_lets_go_of_the_store_when_its_client_leaves(
    settings: FeedbackSettings,
) -> None:
    app, slow = create_app(settings), SlowClient()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://feedback", timeout=30) as client,
    ):
        for number in range(5):
            await vote(client, prediction(f"late {number}").prediction_id)
        reading = asyncio.create_task(app(dict(SCOPE), slow.receive, slow.send))
        await asyncio.wait_for(slow.reads.wait(), 30)
        assert (await vote(client, prediction("while somebody reads").prediction_id)).status_code == 201
        slow.leave.set()
        await asyncio.wait_for(reading, 30)
        await until(lambda: not app.state.feedback.store.engine.pool.checkedout())  # its own tasks come and go
