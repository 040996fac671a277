"""Feedback and alerting share nothing in the gateway: where one hangs, neither the other nor any probe waits for it."""

import asyncio
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.backends import CONNECTIONS, KEPT_SECONDS
from gateway.settings import GatewaySettings
from tests.integration.gateway.conftest import gateway
from tests.support.eventually import eventually
from tests.support.peers import Peer, until_left


@dataclass
class Hanging:
    """Says that it is ready and answers nothing else; `calls` counts what it was asked."""

    calls: int = 0

    async def ready(self, _: Request) -> Response:
        """`GET /readyz`."""
        return Response()

    async def silent(self, request: Request) -> Response:
        """`GET /feedback`."""
        self.calls += 1
        await until_left(request)
        return Response()

    def app(self) -> Starlette:
        """As an application."""
        return Starlette(routes=[Route("/readyz", self.ready), Route("/feedback", self.silent)])


async def test_a_backend_that_hangs_keeps_nobody_from_the_other_and_no_probe_waits_for_it(
    settings: GatewaySettings,
) -> None:
    hanging = Hanging()
    with Peer(hanging.app()) as peer:
        told = {"feedback_url": peer.url, "backend_timeout_seconds": 600}
        async with gateway(settings.model_copy(update=told)) as client, asyncio.timeout(60):
            asked = [asyncio.create_task(client.get("/feedback")) for _ in range(3 * CONNECTIONS)]

            async def no_more_at_once() -> bool:
                return hanging.calls == CONNECTIONS

            await eventually(no_more_at_once)
            assert (await client.get("/alerts")).status_code == 200
            known = (await client.get("/readyz")).json()["dependencies"]
            assert (known["alerting"], known["feedback"]) == ("ok", "ok")
            assert not any(each.done() for each in asked)
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)


async def test_the_wait_for_a_backend_that_others_keep_busy_is_part_of_the_patience_with_it(
    settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backends.CONNECTIONS", 2)
    with Peer(Hanging().app()) as peer:
        told = {"feedback_url": peer.url, "backend_timeout_seconds": 1}
        async with gateway(settings.model_copy(update=told)) as client:
            async with asyncio.timeout(60):  # one turn after another would take 100 s, however fast the machine
                replies = await asyncio.gather(*(client.get("/feedback") for _ in range(200)))
    told_of = {(reply.status_code, reply.json()["error"]["code"]) for reply in replies}
    assert told_of == {(504, "deadline_exceeded")}


async def test_no_connection_is_used_again_that_a_server_may_be_closing(
    settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vote that comes just then would be refused: nobody sends it again."""
    ports: set[int] = set()

    async def vote(request: Request) -> Response:
        ports.add(request.scope["client"][1])
        return Response()

    app = Starlette(routes=[Route("/feedback", vote, methods=["POST"])])
    assert uvicorn.Config(app).timeout_keep_alive > KEPT_SECONDS
    monkeypatch.setattr("gateway.backends.KEPT_SECONDS", 0.0)
    with Peer(app) as peer:
        async with gateway(settings.model_copy(update={"feedback_url": peer.url})) as client:
            for _ in range(2):
                sent = await client.post("/feedback", json={"prediction_id": "p", "verdict": "incorrect"})
                assert sent.status_code == 200, sent.text
    assert len(ports) == 2
