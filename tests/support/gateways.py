"""A gateway on a real socket that does as it is told, for tests of the page."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.peers import Peer
from ui.gateway import Gateway
from vigie.alerts import Alert, AlertPage, Silence, SilenceList, SilenceRequest, TestMailResult
from vigie.cards import ModelCard
from vigie.model_status import ModelList, ModelStatus
from vigie.schemas import (
    BatchRequest,
    ExplainedBatchResponse,
    ExplainedPrediction,
    ModelRef,
    PredictionCounts,
    PredictionPage,
)
from vigie.trials import TrialReport

MADE = datetime(2026, 7, 1, 12, tzinfo=UTC)
NO_COUNTS = PredictionCounts(step_minutes=15, moments=[], models=[], topics=[])
CODES = {
    401: "unauthorized",
    403: "forbidden",
    413: "body_too_large",
    429: "queue_full",
    500: "internal_error",
    503: "no_model_ready",
    504: "deadline_exceeded",
}


@dataclass
class FakeGateway:
    """A text that holds "bad" is negative, one that holds "tried" is answered by version 8.

    `refuse` are statuses of the next batches, null lets one through; `open_for` is how many more it answers, the others
    wait until that is null, as it is at first.
    Of two families only `logreg` can answer, which is told of each answer when `lstm` was asked for.
    `sizes` are those of the batches that it answered, `trials` the versions on trial beside `logreg`.
    `alerts` are those that fired, newest first, `alert_pages` the sizes of the pages that it gave of them.
    `counts` are those of the predictions over time, whatever time is asked for.
    `silences` are those that stand, newest first; while they are `silences_held` none is made.
    """

    refuse: list[int | None] = field(default_factory=list)
    open_for: int | None = None
    sizes: list[int] = field(default_factory=list)
    trials: list[TrialReport] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    alert_pages: list[int] = field(default_factory=list)
    counts: PredictionCounts = field(default_factory=lambda: NO_COUNTS)
    silences: list[Silence] = field(default_factory=list)
    silences_held: bool = False

    def __enter__(self) -> Self:
        routes = [
            Route("/predict/batch", self.predict, methods=["POST"]),
            Route("/predictions/counts", self.count),
            Route("/predictions", self.history),
            Route("/alerts", self.fired),
            Route("/alerts/test", self.mail, methods=["POST"]),
            Route("/alerts/silences", self.standing),
            Route("/alerts/silences", self.silence, methods=["POST"]),
            Route("/models", self.models),
            Route("/models/{name}/card", self.card),
        ]
        self._peer = Peer(Starlette(routes=routes))
        self._peer.__enter__()
        self.url = self._peer.url
        self.client = Gateway(self.url, "key")
        return self

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        self._peer.__exit__(None, None, None)

    async def predict(self, request: Request) -> Response:
        """`POST /predict/batch`."""
        status = self.refuse.pop(0) if self.refuse else None
        if status is not None:
            error = {"code": CODES[status], "message": "as told", "request_id": "r"}
            return JSONResponse({"error": error}, status, headers={"Retry-After": "0"})
        body = BatchRequest.model_validate_json(await request.body())
        while self.open_for == 0:  # noqa: ASYNC110 - a test opens it in another thread
            await asyncio.sleep(0.01)
        if self.open_for is not None:
            self.open_for -= 1
        self.sizes.append(len(body.texts))
        return Response(
            ExplainedBatchResponse(predictions=[_predicted(text, body.model) for text in body.texts]).model_dump_json(),
            media_type="application/json",
        )

    async def count(self, _: Request) -> Response:
        """`GET /predictions/counts`."""
        return Response(self.counts.model_dump_json(), media_type="application/json")

    async def history(self, _: Request) -> Response:
        """`GET /predictions`, of which it keeps none."""
        return Response(PredictionPage(items=[]).model_dump_json(), media_type="application/json")

    async def fired(self, request: Request) -> Response:
        """`GET /alerts`, at most 500 a page."""
        limit, begin = int(request.query_params["limit"]), int(request.query_params.get("cursor", "0"))
        assert 1 <= limit <= 500
        items, end = self.alerts[begin : begin + limit], begin + limit
        self.alert_pages.append(len(items))
        page = AlertPage(items=items, next_cursor=str(end) if end < len(self.alerts) else None)
        return Response(page.model_dump_json(), media_type="application/json")

    async def mail(self, _: Request) -> Response:
        """`POST /alerts/test`, which the mail server takes."""
        told = TestMailResult(accepted=True, message_id="m", replies={"ops@localhost": "250 taken"})
        return Response(told.model_dump_json(), media_type="application/json")

    async def standing(self, _: Request) -> Response:
        """`GET /alerts/silences`."""
        return Response(SilenceList(items=self.silences).model_dump_json(), media_type="application/json")

    async def silence(self, request: Request) -> Response:
        """`POST /alerts/silences`."""
        wanted = SilenceRequest.model_validate_json(await request.body())
        while self.silences_held:  # noqa: ASYNC110 - a test lets go of them in another thread
            await asyncio.sleep(0.01)
        begin = datetime.now(UTC)
        made = Silence(
            silence_id=str(len(self.silences)),
            scope=wanted.scope,
            rule=wanted.rule,
            created_at=begin,
            until=begin + timedelta(hours=wanted.hours),
            active=True,
        )
        self.silences.insert(0, made)
        return Response(made.model_dump_json(), media_type="application/json")

    async def models(self, _: Request) -> Response:
        """`GET /models`."""
        models = [
            ModelStatus(name="logreg", title="TF-IDF", ready=True, version="7", trials=self.trials),
            ModelStatus(name="lstm", title="LSTM", ready=False, version=None),
        ]
        return Response(ModelList(default="logreg", models=models).model_dump_json(), media_type="application/json")

    async def card(self, request: Request) -> Response:
        """`GET /models/{name}/card`, which says nothing of how good it is."""
        told = {"name": request.path_params["name"], "title": "TF-IDF", "version": "7", "created_at": MADE}
        card = ModelCard.model_validate(told | {"libraries": {}, "metrics": {}})
        return Response(card.model_dump_json(), media_type="application/json")


def _predicted(text: str, wanted: str | None) -> ExplainedPrediction:
    negative = 0.9 if "bad" in text else 0.1
    return ExplainedPrediction.model_validate(
        {
            "prediction_id": f"p-{text[:20]}",
            "sentiment": "negative" if negative > 0.5 else "positive",
            "prediction_label": 0 if negative > 0.5 else 1,
            "confidence": 0.9,
            "probabilities": {"negative": negative, "positive": 1 - negative},
            "model": ModelRef(name="logreg", version="8" if "tried" in text else "7"),
            "requested_model": wanted,
            "degraded": wanted == "lstm",
        }
    )
