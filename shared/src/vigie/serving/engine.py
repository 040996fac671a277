"""Computes: a batch is formed when one before it is done, with one model reference per batch."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from vigie import tracing
from vigie.batching import Batcher
from vigie.errors import DeadlineExceeded, NotFound, QueueFull, Unavailable
from vigie.predictor import Explainer
from vigie.schemas import WordWeight
from vigie.serving.metrics import BATCH_TEXTS, COMPUTE_SECONDS, MODEL_INFO, QUEUE_SECONDS, QUEUE_TEXTS
from vigie.serving.models import ServedModel, panics_as_errors, probabilities
from vigie.serving.threads import ComputeThreads

EXPLAINED_BEFORE_SECONDS = 0.2
AT_ONCE_SECONDS = 0.0005
_PACE_SMOOTHING = 0.2

Explanations = list[list[WordWeight] | None]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its texts, the version it insists on, and the trace it belongs to."""

    texts: Sequence[str]
    number: str | None
    context: tracing.Headers


@dataclass(frozen=True, slots=True)
class Inference:
    """Probabilities of `negative` in the order of the texts, all from one version."""

    number: str
    probabilities: list[float]


class Engine:
    """Answers with the model that serves now; `serve` replaces it between two batches, `withdraw` leaves none.

    Engines of one process share its compute `threads`, a batch for each. While these rest, a batch that is expected to
    take less than `AT_ONCE_SECONDS` is computed where it is: waking a thread costs a tenth of a millisecond. One that
    `yields_to` another takes nothing while that is busy. `label` names it in metrics.
    """

    def __init__(
        self,
        label: str,
        threads: ComputeThreads,
        *,
        batch_size: int,
        queue_limit: int,
        yields_to: "Engine | None" = None,
    ) -> None:
        self._label = label
        self._model: ServedModel | None = None
        self._threads = threads
        self._pace = inf
        self._yields_to = yields_to
        self._batch_texts = BATCH_TEXTS.labels(label)
        self._queue_seconds = QUEUE_SECONDS.labels(label)
        self._compute_seconds = COMPUTE_SECONDS.labels(label)
        self._batcher: Batcher[Call, Inference | NotFound] = Batcher(
            self._run,
            max_weight=batch_size,
            max_pending=queue_limit,
            weight=lambda call: len(call.texts),
            concurrency=threads.count,
            observe=self._observe,
        )
        QUEUE_TEXTS.labels(label).set_function(lambda: self._batcher.pending)

    @property
    def model(self) -> ServedModel | None:
        """What serves now."""
        return self._model

    @property
    def is_busy(self) -> bool:
        """Whether something is computed or waits."""
        return self._batcher.is_busy

    def serve(self, model: ServedModel) -> None:
        """Takes over from the next batch on; may be called from any thread."""
        self._replace(model)

    def withdraw(self) -> None:
        """Nothing serves from the next batch on; may be called from any thread."""
        self._replace(None)

    async def infer(self, texts: Sequence[str], *, number: str | None, deadline: float) -> Inference:
        """Raises `Unavailable` when nothing serves, `NotFound` for another version, and like `Batcher.submit`.

        An engine that yields raises `QueueFull` at once while the other one is busy.
        """
        if self._yields_to is not None and self._yields_to.is_busy:
            raise QueueFull(f"{self._label}: computes only while nobody else does", retry_after=1)
        answer = await self._batcher.submit(Call(texts, number, tracing.headers()), deadline)
        if isinstance(answer, NotFound):
            raise answer
        return answer

    async def explain(self, texts: Sequence[str], *, number: str, deadline: float) -> Explanations | None:
        """What drove that version, null when it cannot say or no longer serves; null for texts that time runs out for.

        Text by text, so that predictions are computed in between. The answer itself must not fail for this: it goes
        out `EXPLAINED_BEFORE_SECONDS` before the deadline, and nothing is computed any more then, or for who left.
        """
        model, loop = self._model, asyncio.get_running_loop()
        if model is None or model.version.number != number or not isinstance(model.predictor, Explainer):
            return None
        until, left = deadline - EXPLAINED_BEFORE_SECONDS, threading.Event()

        def in_time() -> bool:
            return loop.time() < until and not left.is_set()

        explain = panics_as_errors()(model.predictor.explain)
        found: Explanations = []
        try:
            with suppress(TimeoutError, DeadlineExceeded):
                async with asyncio.timeout_at(until):
                    for text in texts:
                        found += await self._threads.run(explain, [text], in_time)
        finally:
            left.set()
        return [*found, *[None] * (len(texts) - len(found))]

    async def stop(self) -> None:
        """Answers what is queued."""
        await self._batcher.stop()

    def _replace(self, model: ServedModel | None) -> None:
        old, self._model = self._model, model
        if old:
            MODEL_INFO.remove(*self._identity(old))
        if model:
            MODEL_INFO.labels(*self._identity(model)).set(1)

    async def _run(self, calls: list[Call]) -> list[Inference | NotFound]:
        model = self._model
        if model is None:
            raise Unavailable(f"{self._label}: no version is ready")
        serving = model.version.number
        texts = [text for call in calls if call.number in (None, serving) for text in call.texts]
        said: tracing.Attributes = {"vigie.texts": len(texts), "vigie.version": serving}
        with tracing.span("compute", contexts=[call.context for call in calls], attributes=said):
            values = await self._compute(model, texts) if texts else []
        answers: list[Inference | NotFound] = []
        start = 0
        for call in calls:
            if call.number not in (None, serving):
                answers.append(NotFound(f"{self._label}: version {call.number!r} does not serve, {serving!r} does"))
                continue
            answers.append(Inference(serving, values[start : start + len(call.texts)]))
            start += len(call.texts)
        return answers

    async def _compute(self, model: ServedModel, texts: list[str]) -> list[float]:
        if self._threads.is_idle and self._pace * len(texts) < AT_ONCE_SECONDS:
            found = probabilities(model.predictor, texts)
        else:
            found = await self._threads.run(probabilities, model.predictor, texts)
        values: list[float] = found.tolist()
        return values

    def _observe(self, weight: int, waited: float, took: float) -> None:
        self._batch_texts.observe(weight)
        self._queue_seconds.observe(waited)
        self._compute_seconds.observe(took)
        pace = took / weight
        self._pace = pace if self._pace == inf else self._pace + _PACE_SMOOTHING * (pace - self._pace)

    def _identity(self, model: ServedModel) -> tuple[str, str, str]:
        return self._label, model.version.number, model.version.model_id or ""
