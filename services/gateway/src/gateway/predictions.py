"""Predictions: pick a family, ask it, sign a receipt, note it in the log."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from time import time
from typing import NamedTuple, TypeVar

from gateway.brown_out import BrownOut
from gateway.challenger import Ask, Challenge
from gateway.origins import NOWHERE, Origin
from gateway.parts import verdicts_in_parts
from gateway.prediction_log import PredictionLog
from gateway.predictors import Answer, PredictorClient, Verdict
from gateway.rows import EventRow, ModelRow, PredictionRow, prediction_row
from gateway.shadow import Copy
from gateway.trial_answers import Said
from gateway.trials import Trial, Trials
from vigie.errors import DeadlineExceeded, NotFound, QueueFull, Unavailable
from vigie.logs import REQUEST_ID
from vigie.receipts import ReceiptBook
from vigie.schemas import WordWeight

HOP_SHARE = 0.6

AnsweredT = TypeVar("AnsweredT")


class Draft(NamedTuple):
    """Answers to texts that follow each other, and what the log will hold of them."""

    predictions: list[PredictionRow]
    events: list[EventRow]


class Predictions:
    """Answers texts with the family asked for, or, when that one cannot answer, with another that says so."""

    def __init__(
        self,
        clients: Sequence[PredictorClient],
        *,
        default: str,
        fallback: Mapping[str, Sequence[str]],
        brown_out: BrownOut,
        trials: Trials,
        receipts: ReceiptBook,
        log: PredictionLog,
        timeout_seconds: float,
    ) -> None:
        self.clients = {client.family.name: client for client in clients}
        self.default = default
        self._fallback = fallback
        self._brown_out = brown_out
        self.trials = trials
        self._receipts = receipts
        self._log = log
        self._timeout = timeout_seconds

    async def predict(self, text: str, model: str | None, origin: Origin = NOWHERE) -> PredictionRow:
        """One tweet; it shares an upstream call with whoever asks at the same time."""
        return (await self._answer([text], model, [origin], _one))[0]

    async def predict_many(
        self, texts: list[str], model: str | None, origins: Sequence[Origin], *, by_one: bool = False
    ) -> list[PredictionRow]:
        """Up to a thousand tweets in order, all answered by one version, unless its family is in a brown-out or has a
        challenger; `by_one` keeps that out.
        """
        if self.trials.of(model or self.default) or self._brown_out.holds(*self._pair(model)):
            return await self._answer(texts, model, origins, _many, by_one=by_one)
        drafts = await self._first(model, lambda client, until: self._drafts(client, texts, model, origins, until))
        return self._settle(*drafts)

    async def _drafts(
        self, client: PredictorClient, texts: list[str], model: str | None, origins: Sequence[Origin], until: float
    ) -> list[Draft]:
        """Of one version: where another one took over between two parts, all texts are asked for again at once."""
        drafts: list[Draft] = []
        versions: set[str] = set()
        place = 0
        async with aclosing(verdicts_in_parts(client, texts, until)) as parts:
            async for verdicts in parts:
                end = place + len(verdicts)
                versions |= {verdict.version for verdict in verdicts}
                drafts.append(self._draft(texts[place:end], origins[place:end], verdicts, model))
                place = end
        if len(versions) <= 1:
            return drafts
        answer = await client.infer_many(texts, until)
        return [self._draft(texts, origins, answer.verdicts(), model)]

    async def _answer(
        self, texts: list[str], model: str | None, origins: Sequence[Origin], ask: Ask, *, by_one: bool = False
    ) -> list[PredictionRow]:
        """The predictions, with a part for versions on trial where there are any."""
        trial = self.trials.of(model or self.default)
        if trial is None:
            return self._finish(texts, origins, await self._judge(texts, model, ask, by_one=by_one), model)
        until = asyncio.get_running_loop().time() + HOP_SHARE * self._timeout
        overrun = self._brown_out.holds(*self._pair(model))
        challenge = trial.challenge(texts, ask, until) if not by_one and not overrun else None
        try:
            champions = await self._judge(texts, model, ask, by_one=by_one)
            said = await challenge.outcome() if challenge else None
        except BaseException:
            if challenge:
                challenge.abandon()
            raise
        predictions = self._finish(texts, origins, _replaced(champions, trial, challenge, said), model)
        copies = [
            Copy(prediction["prediction_id"], text, champion)
            for prediction, text, champion in zip(predictions, texts, champions, strict=True)
        ]
        trial.compare(copies, challenge, said)
        return predictions

    async def _judge(self, texts: list[str], model: str | None, ask: Ask, *, by_one: bool) -> list[Verdict]:
        """Each text's verdict; in a brown-out the cheap family's, where it is sure or the other one stays busy.

        With `by_one` it must be sure of all, or none of them is its own.
        """
        wanted, cheap = self._pair(model)
        if not self._brown_out.holds(wanted, cheap):
            return (await self._first(model, lambda client, until: ask(client, texts, until))).verdicts()
        started = asyncio.get_running_loop().time()
        until, deadline = started + HOP_SHARE * self._timeout, started + self._timeout
        try:
            verdicts = (await ask(cheap, texts, until)).verdicts()
        except (Unavailable, QueueFull, DeadlineExceeded):
            return (await self._first(model, lambda client, until: ask(client, texts, until), deadline)).verdicts()
        unsure = [row for row, verdict in enumerate(verdicts) if not self._brown_out.is_sure(verdict.negative)]
        unsure = list(range(len(texts))) if by_one and unsure else unsure
        with suppress(Unavailable, QueueFull, DeadlineExceeded):
            better = await ask(wanted, [texts[row] for row in unsure], until) if unsure else None
            for row, verdict in zip(unsure, better.verdicts() if better else (), strict=True):
                verdicts[row] = verdict
        sent_on = sum(verdict.model == wanted.family.name for verdict in verdicts)
        self._brown_out.count(wanted, cheap=len(texts) - sent_on, sent_on=sent_on)
        return verdicts

    async def _first(
        self,
        model: str | None,
        ask: Callable[[PredictorClient, float], Awaitable[AnsweredT]],
        deadline: float | None = None,
    ) -> AnsweredT:
        """The answer of the first family that has one, by the deadline (null: the time that a request has from now).

        Each but the last may use `HOP_SHARE` of what is left of the time, so that the next one still can answer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout if deadline is None else deadline
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

    async def explain(self, text: str, model: str | None, origin: Origin = NOWHERE) -> PredictionRow:
        """Like `predict`, with the words that weighed most."""
        return (await self.explain_many([text], model, [origin]))[0]

    async def explain_many(self, texts: list[str], model: str | None, origins: Sequence[Origin]) -> list[PredictionRow]:
        """Like `predict_many`, with the words that weighed most."""
        answer = await self._first(model, lambda client, deadline: client.infer_many(texts, deadline, explain=True))
        return explained(self._finish(texts, origins, answer.verdicts(), model), answer)

    async def predict_exactly(
        self, texts: list[str], wanted: tuple[str, str], origins: Sequence[Origin], *, explain: bool = False
    ) -> list[PredictionRow]:
        """Like `predict_many` (`explain_many`), by that version of that family and no other.

        Raises `NotFound` when it does not serve, before anything is in the log.
        """
        model, version = wanted
        deadline = asyncio.get_running_loop().time() + self._timeout
        answer = await self.client(model).infer_many(texts, deadline, explain=explain)
        if answer.version != version:
            raise version_not_found(model, answer.version, version)
        predictions = self._finish(texts, origins, answer.verdicts(), model)
        return explained(predictions, answer) if explain else predictions

    def client(self, model: str) -> PredictorClient:
        """The family of that name; raises `NotFound`."""
        if model not in self.clients:
            raise NotFound(
                f"model: expected one of {', '.join(self.clients)}, got {model[:60]!r}", code="unknown_model"
            )
        return self.clients[model]

    def _candidates(self, model: str | None) -> list[PredictorClient]:
        """The family asked for, then its `FALLBACK` or, where it has none, the default and the others."""
        first = self.client(self.default if model is None else model).family.name
        names = dict.fromkeys([first, *self._fallback.get(first, (self.default, *self.clients))])
        return [self.clients[name] for name in names]

    def _pair(self, model: str | None) -> tuple[PredictorClient, PredictorClient]:
        """The family asked for, and who relieves it: the last of its `FALLBACK`, else the default."""
        wanted = self.client(self.default if model is None else model)
        chain = self._fallback.get(wanted.family.name, (self.default,))
        return wanted, self.clients[chain[-1]] if chain else wanted

    def _nobody(self, model: str | None) -> Unavailable:
        asked = self.default if model is None else model
        reasons = "; ".join(f"{name}: {client.problem or 'not ready'}" for name, client in self.clients.items())
        return Unavailable(f"no model can answer for {asked!r} right now ({reasons})", code="no_model_ready")

    def _finish(
        self, texts: Sequence[str], origins: Sequence[Origin], verdicts: Sequence[Verdict], requested: str | None
    ) -> list[PredictionRow]:
        return self._settle(self._draft(texts, origins, verdicts, requested))

    def _settle(self, *drafts: Draft) -> list[PredictionRow]:
        """The predictions of all drafts; from here on they are in the log."""
        for draft in drafts:
            self._log.append(draft.events)
        return [prediction for draft in drafts for prediction in draft.predictions]

    def _draft(
        self, texts: Sequence[str], origins: Sequence[Origin], verdicts: Sequence[Verdict], requested: str | None
    ) -> Draft:
        created_ms = int(time() * 1000)
        wanted, request_id = requested or self.default, REQUEST_ID.get()
        predictions: list[PredictionRow] = []
        events: list[EventRow] = []
        versions = {(model, version) for model, version, _ in verdicts}
        models: dict[tuple[str, str], ModelRow] = {each: {"name": each[0], "version": each[1]} for each in versions}
        for text, origin, (model, version, negative) in zip(texts, origins, verdicts, strict=True):
            asked = None if model == wanted else wanted
            prediction_id = self._receipts.issue(
                text, model=model, version=version, probability_negative=negative, created_ms=created_ms
            )
            answer = prediction_row(prediction_id, negative, models[model, version], asked)
            predictions.append(answer)
            events.append(
                {
                    "prediction_id": prediction_id,
                    "text": text,
                    "model": model,
                    "version": version,
                    "label": answer["prediction_label"],
                    "probability_negative": negative,
                    "requested_model": asked,
                    "degraded": answer["degraded"],
                    "created_ms": created_ms,
                    "request_id": request_id,
                    "topic": origin.topic,
                    "author": origin.author,
                    "tweeted_ms": origin.tweeted_ms,
                }
            )
        return Draft(predictions, events)


def version_not_found(model: str, serving: str, wanted: str) -> NotFound:
    """What is told of a version of a family that is not the one `serving`."""
    return NotFound(f"{model}: expected a version that serves, {serving}, got {wanted[:60]!r}")


def _one(client: PredictorClient, texts: list[str], until: float) -> Awaitable[Answer]:
    return client.infer_one(texts[0], until)


def _many(client: PredictorClient, texts: list[str], until: float) -> Awaitable[Answer]:
    return client.infer_many(texts, until)


def _replaced(champions: list[Verdict], trial: Trial, challenge: Challenge | None, said: Said) -> list[Verdict]:
    """The verdicts that count: the challenger's in its rows, where the champion of its family answered too."""
    verdicts = list(champions)
    if challenge and isinstance(said, list):
        for row, verdict in zip(challenge.rows, said, strict=True):
            if champions[row].model == trial.family:
                verdicts[row] = verdict
    return verdicts


def explained(predictions: Sequence[PredictionRow], answer: Answer) -> list[PredictionRow]:
    """The predictions with what the answer says of the words."""
    words: Sequence[list[WordWeight] | None] = answer.explanations or [None] * len(predictions)
    return [
        {**prediction, "explanation": explanation} for prediction, explanation in zip(predictions, words, strict=True)
    ]
