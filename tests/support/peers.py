"""Small HTTP peers on real sockets, for tests of the gateway: a predictor and a backend that do as they are told."""

import asyncio
import json
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.servers import free_port, wait_for
from vigie.cards import ModelCard
from vigie.inference import InferenceRequest, InferenceResponse, ModelDetails, ModelMetadata, OutputTensor
from vigie.model_status import Rejection
from vigie.trials import TrialList

NOBODY: ASGIApp = Starlette()


@dataclass
class FakePredictor:
    """Speaks V2: a text with "bad" is negative (0.9), any other positive (0.1); "maybe" makes it less sure (0.6, 0.4).

    `refuse_with` answers every inference with that status; `poison` refuses calls that hold that text with `poisoned`;
    `seconds` is how long an inference takes, while it is `held` none ends; with `explains` the first word of a text
    drove it, when asked;
    `then` are the versions that serve one call each, before `version` serves for good;
    `calls` keeps the texts of every call, `left` counts callers that hung up while it was held.
    `on_trial` names further versions by alias; these say the opposite. `refuse_trials_with` is the status that
    they answer with, `trial_seconds` how long they take, `trial_calls` what they were asked.
    """

    version: str = "7"
    refuse_with: int | None = None
    poison: str | None = None
    poisoned: int = 400
    garbage: bytes | None = None
    retry_after: str = "7"
    then: list[str] = field(default_factory=list)
    seconds: float = 0.0
    held: bool = False
    explains: bool = True
    stale_since: datetime | None = None
    rejected: Rejection | None = None
    calls: list[list[str]] = field(default_factory=list)
    left: int = 0
    on_trial: dict[str, str] = field(default_factory=dict)
    kept_out: dict[str, Rejection] = field(default_factory=dict)
    refuse_trials_with: int | None = None
    trial_seconds: float = 0.0
    trial_calls: list[tuple[str, list[str]]] = field(default_factory=list)

    async def infer_on_trial(self, request: Request) -> Response:
        """`POST …/versions/{alias}/infer`."""
        alias = request.path_params["alias"]
        texts = InferenceRequest.model_validate_json(await request.body()).inputs[0].data
        self.trial_calls.append((alias, texts))
        await asyncio.sleep(self.trial_seconds)
        status = self.refuse_trials_with or (200 if alias in self.on_trial else 404)
        if status != 200:
            return JSONResponse({"error": "as told"}, status, headers={"Retry-After": "7"})
        values = [round(1 - _negative(text), 6) for text in texts]
        output = OutputTensor(name="probability_negative", datatype="FP32", shape=[len(values)], data=values)
        answer = InferenceResponse(model_name="logreg", model_version=self.on_trial[alias], outputs=[output])
        return Response(answer.model_dump_json(), media_type="application/json")

    async def infer(self, request: Request) -> Response:
        """`POST …/infer`."""
        message = InferenceRequest.model_validate_json(await request.body())
        texts = message.inputs[0].data
        self.calls.append(texts)
        version = self.then.pop(0) if self.then else self.version
        await asyncio.sleep(self.seconds)
        while self.held:  # a test lets go of it in another thread
            await asyncio.sleep(0.005)
            if await request.is_disconnected():
                self.left += 1
                return Response()
        if self.garbage is not None:
            return Response(self.garbage, media_type="application/json")
        status = self.refuse_with or (self.poisoned if self.poison in texts else 200)
        if status != 200:
            return JSONResponse({"error": "as told"}, status, headers={"Retry-After": self.retry_after})
        values = [_negative(text) for text in texts]
        output = OutputTensor(name="probability_negative", datatype="FP32", shape=[len(values)], data=values)
        outputs = [output]
        if self.explains and message.parameters:
            words = [json.dumps([{"word": text.split()[0], "weight": -1.5}]) for text in texts]
            outputs.append(OutputTensor(name="explanation", datatype="BYTES", shape=[len(words)], data=words))
        answer = InferenceResponse(model_name="logreg", model_version=version, outputs=outputs)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def metadata(self, request: Request) -> Response:
        """`GET /v2/models/logreg`."""
        if self.refuse_with:
            return JSONResponse({"error": "not ready"}, self.refuse_with)
        details = ModelDetails(
            version=self.version,
            loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
            metrics={"accuracy": 0.8},
            stale_since=self.stale_since,
            rejected=self.rejected,
            on_trial=self.on_trial,
            kept_out=self.kept_out,
        )
        described = ModelMetadata(name="logreg", versions=[self.version], inputs=[], outputs=[], parameters=details)
        return Response(described.model_dump_json(), media_type="application/json")

    async def card(self, request: Request) -> Response:
        """`GET /v2/models/logreg/card`."""
        if self.refuse_with:
            return JSONResponse({"error": "not ready"}, self.refuse_with)
        card = ModelCard(
            name="logreg",
            title="tiny",
            version=self.version,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            libraries={},
            metrics={"accuracy": 0.8},
        )
        return Response(card.model_dump_json(), media_type="application/json")

    def app(self) -> Starlette:
        """As an application."""
        model = "/v2/models/{name}"
        routes = [Route(model, self.metadata), Route(f"{model}/card", self.card)]
        routes += [Route(f"{model}/versions/{{alias}}/infer", self.infer_on_trial, methods=["POST"])]
        return Starlette(routes=[*routes, Route(f"{model}/infer", self.infer, methods=["POST"])])


def _negative(text: str) -> float:
    sure = 0.6 if "maybe" in text else 0.9
    return sure if "bad" in text else round(1 - sure, 6)


@dataclass
class FakeBackend:
    """Answers every request with 200 and what it was asked; `status` overrides, `seconds` delays.

    `trials` is what `GET /trials` answers, where it is told.
    """

    status: int = 200
    seconds: float = 0.0
    trials: TrialList | None = None

    async def anywhere(self, request: Request, _: Exception) -> Response:
        """Any path: a route's pattern would not match every character."""
        await asyncio.sleep(self.seconds)
        if self.trials and request.url.path == "/trials":
            return Response(self.trials.model_dump_json(), media_type="application/json")
        asked = {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "request_id": request.headers.get("x-request-id"),
            "accept": request.headers.get("accept"),
        }
        return JSONResponse(asked, self.status)

    def app(self) -> Starlette:
        """As an application."""
        return Starlette(exception_handlers={404: self.anywhere})


async def until_left(request: Request) -> None:
    """Says nothing until the caller hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Peer:
    """Serves an application on a free port of the loopback, in a thread; `with` starts and stops it."""

    def __init__(self, app: ASGIApp, *, lifespan: Literal["on", "off"] = "off") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(  # its own logging would close every handler there is, and with one the tests' output
            app, port=self.port, log_config=None, log_level="error", lifespan=lifespan, interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "Peer":
        self._thread.start()
        wait_for(lambda: self._server.started or not self._thread.is_alive(), what="the peer")
        assert self._server.started, f"the peer could not listen on port {self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = self._server.config.lifespan == "off"
        self._thread.join(10)

    def catch_up(self) -> None:
        """Returns once whatever was sent before has been read: connections are served in the order they came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as last:
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while last.recv(65536):
                pass


class Seat:
    """Where a test's application is served, in the place of the one of the test before."""

    def __init__(self) -> None:
        self.peer = Peer(self)
        self._app = NOBODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._app(scope, receive, send)

    def take(self, app: ASGIApp) -> None:
        """Seats this one; it hears nothing of what was asked before."""
        self._app = NOBODY
        self.peer.catch_up()
        self._app = app
