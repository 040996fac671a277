"""The only caller of the predictors: gathers concurrent tweets into one upstream call, translates what goes wrong."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import ValidationError
from pydantic_core import to_json
from vigie.batching import Batcher
from vigie.inference import InferenceResponse, ModelMetadata, InferenceRequest

from vigie.catalogue import Family
from vigie.errors import DeadlineExceeded, InvalidRequest, QueueFull, Unavailable, VigieError
from vigie.schemas import ModelStatus

UPSTREAM_CALLS = 2
BULK_REQUESTS = 8
STATUS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Probabilities of `negative` in the order of the texts, all from one version of one family."""

    model: str
    version: str
    probabilities: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A request of many texts, answered by one upstream call of its own."""

    texts: list[str]
    deadline: float


class PredictorClient:
    """One family's predictor behind two bounded queues: single tweets, gathered; and bulk requests, one at a time.

    `problem` says why the last call failed, null while calls succeed.
    """

    def __init__(self, family: Family, url: str, http: httpx.AsyncClient, *, queue_limit: int, batch_size: int) -> None:
        self.family = family
        self.problem: str | None = None
        self._http = http
        self._infer_url = f"{url}/v2/models/{family.name}/infer"
        self._model_url = f"{url}/v2/models/{family.name}"
        self._singles: Batcher[Bulk, Answer] = Batcher(
            self._run_singles,
            max_weight=batch_size,
            max_pending=queue_limit,
            concurrency=UPSTREAM_CALLS,
            bisect_on=(InvalidRequest,),
        )
        self._bulk: Batcher[Bulk, Answer] = Batcher(
            self._run_bulk, max_weight=1, max_pending=BULK_REQUESTS, bisect_on=()
        )

    async def start(self) -> None:
        """Opens both queues."""
        await self._singles.start()
        await self._bulk.start()

    async def stop(self) -> None:
        """Answers what is queued, then closes."""
        await self._singles.stop()
        await self._bulk.stop()

    async def infer_one(self, text: str, deadline: float) -> Answer:
        """One text. `deadline` is a time of the event loop's clock, in seconds.

        Raises `QueueFull`, `DeadlineExceeded`, or `Unavailable` when this predictor cannot answer.
        """
        return await self._singles.submit(Bulk([text], deadline), deadline)

    async def infer_many(self, texts: list[str], deadline: float) -> Answer:
        """Up to a thousand texts; raises like `infer_one`."""
        return await self._bulk.submit(Bulk(texts, deadline), deadline)

    async def status(self) -> ModelStatus:
        """What the predictor says of itself; `ready` is false when it says nothing."""
        try:
            reply = await self._http.get(self._model_url, timeout=STATUS_TIMEOUT_SECONDS)
            metadata = ModelMetadata.model_validate_json(reply.content) if reply.status_code == 200 else None
        except (httpx.HTTPError, ValidationError) as error:
            self.problem = f"{type(error).__name__}: {error}"
            metadata = None
        if metadata is None:
            return ModelStatus(name=self.family.name, title=self.family.title, ready=False)
        details = metadata.parameters
        return ModelStatus(
            name=self.family.name,
            title=self.family.title,
            ready=True,
            version=details.version,
            loaded_at=details.loaded_at,
            metrics=details.metrics,
        )

    async def _run_singles(self, items: list[Bulk]) -> list[Answer]:
        answer = await self._call([item.texts[0] for item in items], max(item.deadline for item in items))
        return [Answer(answer.model, answer.version, (value,)) for value in answer.probabilities]

    async def _run_bulk(self, items: list[Bulk]) -> list[Answer]:
        return [await self._call(item.texts, item.deadline) for item in items]

    async def _call(self, texts: list[str], deadline: float) -> Answer:
        left = deadline - asyncio.get_running_loop().time()
        headers = {"Content-Type": "application/json", "X-Deadline-Ms": str(max(1, int(left * 1000)))}
        try:
            body = to_json(InferenceRequest.of(texts))
            reply = await self._http.post(self._infer_url, content=body, headers=headers, timeout=max(left, 0.001))
        except httpx.TimeoutException:
            raise DeadlineExceeded(f"{self.family.service} did not answer before the deadline") from None
        except httpx.HTTPError as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error
        if reply.status_code != 200:
            raise self._refused(reply)
        return self._read(reply.content, len(texts))

    def _read(self, content: bytes, expected: int) -> Answer:
        try:
            response = InferenceResponse.model_validate_json(content)
            probabilities = response.output("probability_negative")
        except (ValidationError, KeyError) as error:
            raise self._unavailable(f"not an inference response: {error}") from error
        if len(probabilities) != expected:
            raise self._unavailable(f"expected {expected} probabilities, got {len(probabilities)}")
        self.problem = None
        return Answer(self.family.name, response.model_version, probabilities)

    def _refused(self, reply: httpx.Response) -> VigieError:
        said = f"{self.family.service} answered {reply.status_code}: {reply.text[:200]}"
        if reply.status_code == 429:
            return QueueFull(said, retry_after=float(reply.headers.get("Retry-After", "1")))
        if reply.status_code == 504:
            return DeadlineExceeded(said)
        if reply.status_code == 400:
            return InvalidRequest(said)
        return self._unavailable(said)

    def _unavailable(self, problem: str) -> Unavailable:
        self.problem = problem
        return Unavailable(problem)
