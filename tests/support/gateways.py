"""A gateway on a real socket that does as it is told, for tests of the page."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.peers import Peer
from ui.gateway import Gateway
from vigie.alerts import Alert, AlertPage, AlertState, Silence, SilenceList, SilenceRequest, TestMailResult
from vigie.cards import ModelCard
from vigie.model_status import ModelList, ModelStatus
from vigie.schemas import (
    BatchRequest,
    ExplainedBatchResponse,
    ExplainedPrediction,
    Feedback,
    FeedbackRequest,
    LoggedPrediction,
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
    404: "unknown_prediction",
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
    `alerts` are those that fired, newest first, which only `admin_key` may see unless it is null; `alert_pages` are the
    sizes of the pages that it gave of them.
    `counts` are those of the predictions over time, whatever time is asked for, and `logged` is their history.
    `silences` are those that stand, newest first; while they are `silences_held` none is made.
    `late` holds the next look at a path until its event is set; `topics_asked` are those that counts were wanted of.
    `votes` are those that came, while they are `votes_held` none is answered; `lost` are predictions that it knows no
    more.
    """

    refuse: list[int | None] = field(default_factory=list)
    open_for: int | None = None
    sizes: list[int] = field(default_factory=list)
    trials: list[TrialReport] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    admin_key: str | None = None
    alert_pages: list[int] = field(default_factory=list)
    counts: PredictionCounts = field(default_factory=lambda: NO_COUNTS)
    logged: list[LoggedPrediction] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    silences_held: bool = False
    late: dict[str, Event] = field(default_factory=dict)
    topics_asked: list[str | None] = field(default_factory=list)
    votes: list[FeedbackRequest] = field(default_factory=list)
    votes_held: bool = False
    lost: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        routes = [
            Route("/predict/batch", self.predict, methods=["POST"]),
            Route("/feedback", self.vote, methods=["POST"]),
            Route("/predictions/counts", self.count),
            Route("/predictions", self.history),
            Route("/alerts", self.fired),
            Route("/alerts/test", self.mail, methods=["POST"]),
            Route("/alerts/{id}/false-alarm", self.call_false, methods=["POST"]),
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
            return _refused(status)
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

    async def vote(self, request: Request) -> Response:
        """`POST /feedback`."""
        asked = FeedbackRequest.model_validate_json(await request.body())
        self.votes.append(asked)
        while self.votes_held:  # noqa: ASYNC110 - a test lets go of them in another thread
            await asyncio.sleep(0.01)
        if asked.prediction_id in self.lost:
            return _refused(404)
        return Response(taken(asked, f"f{len(self.votes)}").model_dump_json(), media_type="application/json")

    async def count(self, request: Request) -> Response:
        """`GET /predictions/counts`."""
        self.topics_asked.append(request.query_params.get("topic"))
        await self._hold(request)
        return Response(self.counts.model_dump_json(), media_type="application/json")

    async def history(self, _: Request) -> Response:
        """`GET /predictions`."""
        return Response(PredictionPage(items=self.logged).model_dump_json(), media_type="application/json")

    async def fired(self, request: Request) -> Response:
        """`GET /alerts`, at most 500 a page."""
        limit, begin = int(request.query_params["limit"]), int(request.query_params.get("cursor", "0"))
        assert 1 <= limit <= 500
        items, end = self.alerts[begin : begin + limit], begin + limit
        self.alert_pages.append(len(items))
        page = AlertPage(items=items, next_cursor=str(end) if end < len(self.alerts) else None)
        await self._hold(request)
        if self.admin_key not in (None, request.headers.get("X-API-Key")):
            return _refused(403)
        return Response(page.model_dump_json(), media_type="application/json")

    async def call_false(self, request: Request) -> Response:
        """`POST /alerts/{id}/false-alarm`."""
        names = [alert.alert_id for alert in self.alerts]
        place = names.index(request.path_params["id"])
        self.alerts[place] = self.alerts[place].model_copy(update={"false_alarm_at": MADE})
        return Response(self.alerts[place].model_dump_json(), media_type="application/json")

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

    async def models(self, request: Request) -> Response:
        """`GET /models`."""
        await self._hold(request)
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

    async def _hold(self, request: Request) -> None:
        free = self.late.pop(request.url.path, None)
        while free and not free.is_set():  # noqa: ASYNC110 - a test sets it in another thread
            await asyncio.sleep(0.01)


def _refused(status: int) -> Response:
    error = {"code": CODES[status], "message": "as told", "request_id": "r"}
    return JSONResponse({"error": error}, status, headers={"Retry-After": "0"})


def fired(name: str) -> Alert:
    """An alert of three wrong predictions that is not over."""
    return Alert(
        alert_id=name,
        scope="all",
        rule="errors",
        state=AlertState.FIRING,
        fired_at=MADE,
        count=3,
        suppressed_before=0,
        prediction_ids=[],
        tweets=[],
        deliveries=[],
    )


def taken(asked: FeedbackRequest, feedback_id: str) -> Feedback:
    """The vote as it is kept, on a negative answer of `logreg`."""
    return Feedback(
        feedback_id=feedback_id,
        prediction_id=asked.prediction_id,
        verdict=asked.verdict,
        expected_label=asked.expected_label,
        annotator=asked.annotator,
        created_at=MADE,
        model=ModelRef(name="logreg", version="7"),
        prediction_label=0,
        probability_negative=0.9,
        predicted_at=MADE,
    )


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
