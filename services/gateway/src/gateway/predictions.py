"""Predictions: pick a family, ask it, sign a receipt, note it in the log."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import time

from gateway.origins import NOWHERE, Origin
from gateway.prediction_log import PredictionLog
from gateway.predictors import Answer, PredictorClient
from vigie.errors import DeadlineExceeded, NotFound, Unavailable
from vigie.logs import REQUEST_ID
from vigie.receipts import ReceiptBook, label_of
from vigie.schemas import (
    ExplainedPrediction,
    ModelRef,
    Prediction,
    PredictionEvent,
    Probabilities,
    Sentiment,
    WordWeight,
)

_SENTIMENTS = (Sentiment.NEGATIVE, Sentiment.POSITIVE)
_DIGITS = 6
HOP_SHARE = 0.6


class Predictions:
    """Answers texts with the family asked for, or, when that one cannot answer, with another that says so."""

    def __init__(
        self,
        clients: Sequence[PredictorClient],
        *,
        default: str,
        fallback: Mapping[str, Sequence[str]],
        receipts: ReceiptBook,
        log: PredictionLog,
        timeout_seconds: float,
    ) -> None:
        self.clients = {client.family.name: client for client in clients}
        self.default = default
        self._fallback = fallback
        self._receipts = receipts
        self._log = log
        self._timeout = timeout_seconds

    async def predict(self, text: str, model: str | None, origin: Origin = NOWHERE) -> Prediction:
        """One tweet; it shares an upstream call with whoever asks at the same time."""
        answer = await self._first(model, lambda client, deadline: client.infer_one(text, deadline))
        return self._finish([text], [origin], answer, model)[0]

    async def predict_many(self, texts: list[str], model: str | None, origins: Sequence[Origin]) -> list[Prediction]:
        """Up to a thousand tweets in order, all answered by one version."""
        answer = await self._first(model, lambda client, deadline: client.infer_many(texts, deadline))
        return self._finish(texts, origins, answer, model)

    async def _first(self, model: str | None, ask: Callable[[PredictorClient, float], Awaitable[Answer]]) -> Answer:
        """The answer of the first family that has one.

        Each but the last may use `HOP_SHARE` of what is left of the time, so that the next one still can answer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout
        *others, last = self._candidates(model)
        late: DeadlineExceeded | None = None
        for client in others:
            try:
                return await ask(client, deadline - (1 - HOP_SHARE) * (deadline - clock()))
            except Unavailable:
                continue
            except DeadlineExceeded as error:
                late = late or error
        try:
            return await ask(last, deadline)
        except Unavailable:
            raise late or self._nobody(model) from None

    async def explain(self, text: str, model: str | None, origin: Origin = NOWHERE) -> ExplainedPrediction:
        """Like `predict`, with the words that weighed most."""
        return (await self.explain_many([text], model, [origin]))[0]

    async def explain_many(
        self, texts: list[str], model: str | None, origins: Sequence[Origin]
    ) -> list[ExplainedPrediction]:
        """Like `predict_many`, with the words that weighed most."""
        answer = await self._first(model, lambda client, deadline: client.infer_many(texts, deadline, explain=True))
        return explained(self._finish(texts, origins, answer, model), answer)

    def client(self, model: str) -> PredictorClient:
        """The family of that name; raises `NotFound`."""
        if model not in self.clients:
            raise NotFound(f"model: expected one of {', '.join(self.clients)}, got {model!r}", code="unknown_model")
        return self.clients[model]

    def _candidates(self, model: str | None) -> list[PredictorClient]:
        """The family asked for, then its `FALLBACK` or, where it has none, the default and the others."""
        first = self.client(self.default if model is None else model).family.name
        names = dict.fromkeys([first, *self._fallback.get(first, (self.default, *self.clients))])
        return [self.clients[name] for name in names]

    def _nobody(self, model: str | None) -> Unavailable:
        asked = self.default if model is None else model
        reasons = "; ".join(f"{name}: {client.problem or 'not ready'}" for name, client in self.clients.items())
        return Unavailable(f"no model can answer for {asked!r} right now ({reasons})", code="no_model_ready")

    def _finish(
        self, texts: Sequence[str], origins: Sequence[Origin], answer: Answer, requested: str | None
    ) -> list[Prediction]:
        created_ms = int(time() * 1000)
        degraded = answer.model != (requested or self.default)
        asked = (requested or self.default) if degraded else None
        ref = ModelRef(name=answer.model, version=answer.version)
        request_id = REQUEST_ID.get()
        predictions, events = [], []
        for text, origin, negative in zip(texts, origins, answer.probabilities, strict=True):
            prediction_id = self._receipts.issue(
                text, model=answer.model, version=answer.version, probability_negative=negative, created_ms=created_ms
            )
            predictions.append(_prediction(prediction_id, negative, ref, asked))
            events.append(
                PredictionEvent(
                    prediction_id=prediction_id,
                    text=text,
                    model=answer.model,
                    version=answer.version,
                    label=label_of(negative),
                    probability_negative=negative,
                    requested_model=asked,
                    degraded=degraded,
                    created_ms=created_ms,
                    request_id=request_id,
                    topic=origin.topic,
                    author=origin.author,
                    tweeted_ms=origin.tweeted_ms,
                )
            )
        self._log.append(events)
        return predictions


def explained(predictions: Sequence[Prediction], answer: Answer) -> list[ExplainedPrediction]:
    """The predictions with what the answer says of the words."""
    words: Sequence[list[WordWeight] | None] = answer.explanations or [None] * len(predictions)
    return [
        ExplainedPrediction(**dict(prediction), explanation=explanation)
        for prediction, explanation in zip(predictions, words, strict=True)
    ]


def _prediction(prediction_id: str, negative: float, ref: ModelRef, asked: str | None) -> Prediction:
    label = label_of(negative)
    shown = round(negative, _DIGITS)
    rest = round(1 - shown, _DIGITS)
    return Prediction(
        prediction_id=prediction_id,
        sentiment=_SENTIMENTS[label],
        prediction_label=label,
        confidence=max(shown, rest),
        probabilities=Probabilities(negative=shown, positive=rest),
        model=ref,
        requested_model=asked,
        degraded=asked is not None,
    )
