"""The only caller of the predictors: gathers concurrent tweets into one upstream call, translates what goes wrong."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from prometheus_client import Counter
from pydantic import ValidationError
from pydantic_core import to_json

from gateway.breaker import CircuitBreaker
from gateway.channel import Channel, NotHttp, Reply
from gateway.in_flight import InFlight
from gateway.metrics import CALL_SECONDS, QUEUE_SECONDS, QUEUE_TEXTS
from gateway.recent import RecentAnswers
from gateway.replicas import Replicas
from vigie import tracing
from vigie.batching import Batcher
from vigie.cards import ModelCard
from vigie.catalogue import Family
from vigie.errors import DeadlineExceeded, InvalidRequest, NotFound, QueueFull, Unavailable, VigieError
from vigie.inference import InferenceRequest, InferenceResponse, ModelMetadata
from vigie.logs import REQUEST_ID
from vigie.model_status import ModelStatus
from vigie.schemas import WordWeight
from vigie.text import normalise

UPSTREAM_CALLS = 2
BULK_CALLS = 2
BULK_PENDING = 8000
FAIR_SHARE = 1 / 3
STATUS_TIMEOUT_SECONDS = 1.0
CARD_TIMEOUT_SECONDS = 12.0

REPEATED = Counter(
    "vigie_single_tweets_total",
    "Single tweets, by whether the text was answered just before (known), is being answered (joined), or is new.",
    ["model", "result"],
)


def _now() -> float:
    return asyncio.get_running_loop().time()


class Verdict(NamedTuple):
    """What one text got: from which version of which family, and its probability of *negative*."""

    model: str
    version: str
    negative: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Probabilities of `negative` in the order of the texts, all from one version of one family."""

    model: str
    version: str
    probabilities: Sequence[float]
    explanations: Sequence[list[WordWeight] | None] | None = None

    def verdicts(self) -> list[Verdict]:
        """Text by text."""
        return [Verdict(self.model, self.version, negative) for negative in self.probabilities]

    def spread(self, asked: Sequence[str], texts: Sequence[str]) -> "Answer":
        """The answer to `texts`, of which `asked` are the different ones."""
        places = {text: place for place, text in enumerate(asked)}
        rows, words = [places[text] for text in texts], self.explanations
        explanations = None if words is None else [words[row] for row in rows]
        return replace(self, probabilities=[self.probabilities[row] for row in rows], explanations=explanations)


@dataclass(frozen=True, slots=True)
class Ask:
    """Texts of one request; the id of the request goes along (of the first one, where several are gathered).

    `key` is the normalised text, by which a single tweet is recognised; `contexts` are the traces it belongs to.
    `deadline` is a time of the event loop's clock.
    """

    texts: list[str]
    deadline: float
    request_id: str
    key: str = ""
    explain: bool = False
    contexts: tuple[tracing.Headers, ...] = ()


Part = asyncio.Future[Answer]


class ModelFailed(Unavailable):
    """It answered that it failed to compute these texts: one of them may be why."""


class LeftAlone(Unavailable):
    """It was not asked, because it failed again and again just before."""


class PredictorClient:
    """One family's predictor behind bounded queues: single tweets, gathered; bulk requests, as they come; and those
    to be explained, which take many times as long.

    `url` is its base URL, or those of its replicas, comma-separated. With `alias` its version on trial of that name.
    Silence in less than `FAIR_SHARE` of the `timeout_seconds` that a request has says nothing of a predictor: the rest
    went by in our queue, or while another family was asked.
    `problem` says why the last call failed, null while calls succeed.
    """

    def __init__(
        self,
        family: Family,
        url: str,
        *,
        queue_limit: int,
        burst_seconds: float,
        batch_size: int,
        timeout_seconds: float,
        alias: str | None = None,
    ) -> None:
        label = f"{family.name}@{alias}" if alias else family.name
        self.family = family
        self.problem: str | None = None
        self._timeout = timeout_seconds
        self._breaker = CircuitBreaker()
        self._recent = RecentAnswers()
        self._in_flight: InFlight[Answer] = InFlight()
        self._known, self._joined, self._new = (REPEATED.labels(label, result) for result in ("known", "joined", "new"))
        self._on_trial = alias is not None
        self._replicas = Replicas([Channel(each.strip()) for each in url.split(",")], _now)
        self._model_path = f"/v2/models/{family.name}"
        self._infer_path = f"{self._model_path}/versions/{alias}/infer" if alias else f"{self._model_path}/infer"
        self._singles: Batcher[Ask, Answer] = Batcher(
            self._run_singles,
            max_weight=batch_size,
            max_pending=queue_limit,
            burst_seconds=burst_seconds,
            concurrency=UPSTREAM_CALLS * len(self._replicas),
            bisect_on=(InvalidRequest, ModelFailed),
            observe=self._observe,
        )
        self._bulk, self._explaining = self._by_request(), self._by_request()
        self._queue_seconds, self._call_seconds = QUEUE_SECONDS.labels(label), CALL_SECONDS.labels(label)
        QUEUE_TEXTS.labels(label).set_function(lambda: self._singles.pending)

    @property
    def expected_wait(self) -> float:
        """How long a tweet that comes now would wait here, in seconds."""
        return max(self._singles.expected_wait, self._bulk.expected_wait)

    @property
    def is_overrun(self) -> bool:
        """Whether more single tweets come than are answered, so that a new one would be refused."""
        return self._singles.is_overrun

    async def stop(self) -> None:
        """Answers what is queued, then closes."""
        await self._singles.stop()
        await self._bulk.stop()
        await self._explaining.stop()
        self._replicas.close()

    async def infer_one(self, text: str, deadline: float) -> Answer:
        """One text. `deadline` is a time of the event loop's clock, in seconds.

        Raises `QueueFull`, `DeadlineExceeded`, or `Unavailable` when this predictor cannot answer.
        """
        key = normalise(text)
        found = self._recent.find(key, _now())
        if found is not None:
            self._known.inc()
            return Answer(self.family.name, found[0], (found[1],))
        if key in self._in_flight:
            self._joined.inc()
        return await self._in_flight.once(key, deadline, lambda: self._infer_new(text, key, deadline))

    async def infer_many(self, texts: list[str], deadline: float, *, explain: bool = False) -> Answer:
        """Up to a thousand texts, with explanations where they are wanted and known; raises like `infer_one`.

        The same text again is asked for once.
        """
        self._check()
        different = list(dict.fromkeys(texts))
        ask = Ask(different, deadline, REQUEST_ID.get(), explain=explain, contexts=(tracing.headers(),))
        answer = await (self._explaining if explain else self._bulk).submit(ask, deadline)
        return answer if len(different) == len(texts) else answer.spread(different, texts)

    def infer_parts(self, texts: list[str], deadline: float, *, size: int) -> list[tuple[list[str], Part]]:
        """Parts of at most `size` different texts, each with its answer to be; cancel what nobody waits for any more.

        Raises at once, for all of them, what `infer_many` raises before it asks. A predictor that failed of late is
        tried out with one part.
        """
        size = len(texts) if self._breaker.is_open else size
        self._check()
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        number, contexts = REQUEST_ID.get(), (tracing.headers(),)
        asks = [Ask(part, deadline, number, contexts=contexts) for part in parts]
        return list(zip(parts, self._bulk.submit_all(asks, deadline), strict=True))

    async def metadata(self) -> ModelMetadata:
        """What the predictor says of the version that serves; raises `Unavailable` when it says nothing."""
        try:
            status, _, content = await self._get("", STATUS_TIMEOUT_SECONDS)
            if status == 200:
                metadata = ModelMetadata.model_validate_json(content)
                self._recent.follow(metadata.parameters.version)
                return metadata
        except (OSError, NotHttp, ValidationError) as error:
            self.problem = f"{type(error).__name__}: {error}"
            raise Unavailable(f"{self.family.service}: {self.problem}") from error
        raise Unavailable(f"{self.family.service} answered {status}: {content[:200].decode(errors='replace')}")

    async def status(self) -> ModelStatus:
        """The same in short; `ready` is false when it says nothing."""
        try:
            details = (await self.metadata()).parameters
        except Unavailable as error:
            return ModelStatus(name=self.family.name, title=self.family.title, ready=False, problem=error.message)
        return ModelStatus(
            name=self.family.name,
            title=self.family.title,
            ready=True,
            version=details.version,
            loaded_at=details.loaded_at,
            metrics=details.metrics,
            stale_since=details.stale_since,
            rejected=details.rejected,
        )

    async def card(self) -> ModelCard:
        """What is known of the version that serves; raises `Unavailable` without one."""
        try:
            status, _, content = await self._get("/card", CARD_TIMEOUT_SECONDS)
            if status == 200:
                return ModelCard.model_validate_json(content)
        except (OSError, NotHttp, ValidationError) as error:
            raise Unavailable(f"{self.family.service}: {type(error).__name__}: {error}") from error
        raise Unavailable(f"{self.family.service} answered {status}: {content[:200].decode(errors='replace')}")

    async def _get(self, end: str, seconds: float) -> Reply:
        path = f"{self._model_path}{end}"
        return await self._replicas.ask(lambda channel, until: channel.ask("GET", path, until=until), _now() + seconds)

    def _by_request(self) -> Batcher[Ask, Answer]:
        return Batcher(
            self._run_bulk,
            max_weight=1,
            max_pending=BULK_PENDING,
            weight=lambda ask: len(ask.texts),
            concurrency=BULK_CALLS,
            stops_when_left=True,
            refuses_late=True,
            observe=self._observe,
        )

    def _infer_new(self, text: str, key: str, deadline: float) -> Awaitable[Answer]:
        self._check()
        self._new.inc()
        ask = Ask([text], deadline, REQUEST_ID.get(), key, contexts=(tracing.headers(),))
        return self._singles.submit(ask, deadline)

    async def _run_singles(self, items: list[Ask]) -> list[Answer]:
        gathered = Ask(
            [item.texts[0] for item in items],
            max(item.deadline for item in items),
            items[0].request_id,
            contexts=tuple(context for item in items for context in item.contexts),
        )
        try:
            answer = await self._call(gathered)
        except ModelFailed as error:
            if len(items) == 1:
                self._breaker.failed(_now())
            # It fails whatever it is asked: no use in looking for one that is to blame.
            if len(items) > 1 and self._breaker.is_open:
                raise LeftAlone(error.message) from error
            raise
        now = _now()
        for item, negative in zip(items, answer.probabilities, strict=True):
            self._recent.add(item.key, answer.version, negative, now)
        return [Answer(answer.model, answer.version, (negative,)) for negative in answer.probabilities]

    async def _run_bulk(self, items: list[Ask]) -> list[Answer]:
        try:
            return [await self._call(item) for item in items]
        except ModelFailed:
            self._breaker.failed(_now())
            raise

    async def _call(self, request: Ask) -> Answer:
        texts = {"vigie.texts": len(request.texts)}
        name = f"call {self.family.service}"
        with tracing.span(name, kind="client", contexts=request.contexts, attributes=texts):
            return await self._ask(request)

    async def _ask(self, request: Ask) -> Answer:
        body = to_json(InferenceRequest.of(request.texts, explain=request.explain))
        # Explaining takes many times what predicting does: it says nothing of that.
        fair = not request.explain and request.deadline - _now() >= FAIR_SHARE * self._timeout
        try:
            status, headers, content = await self._replicas.ask(
                lambda channel, until: self._post(channel, body, request, until, fair=fair), request.deadline
            )
        except TimeoutError:
            self._breaker.failed(_now())
            raise DeadlineExceeded(f"{self.family.service} did not answer before the deadline") from None
        except (OSError, NotHttp) as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error
        if status != 200:
            raise self._refused(status, headers, content)
        return self._read(content, len(request.texts))

    async def _post(self, channel: Channel, body: bytes, request: Ask, until: float, *, fair: bool) -> Reply:
        """Raises `DeadlineExceeded` where silence says nothing of the predictor, for it had no `fair` time.

        What is to be explained is not begun again elsewhere in half its time: it has all of it, and `until` others.
        """
        now = _now()
        left = max(0.001, (request.deadline if request.explain else until) - now)
        headers = {
            "Content-Type": "application/json",
            "X-Deadline-Ms": str(int(left * 1000)),
            "X-Request-ID": request.request_id,
            **tracing.headers(),
        }
        try:
            return await channel.ask("POST", self._infer_path, until=now + left, headers=headers, body=body)
        except TimeoutError:
            if fair:
                raise
            raise DeadlineExceeded(f"{self.family.service} did not answer in the time that was left") from None

    def _read(self, content: bytes, expected: int) -> Answer:
        try:
            response = InferenceResponse.model_validate_json(content)
            probabilities = response.output("probability_negative")
            explanations = response.explanations()
        except (ValidationError, KeyError) as error:
            raise self._unavailable(f"not an inference response: {error}") from error
        for what, found in (("probabilities", probabilities), ("explanations", explanations)):
            if found is not None and len(found) != expected:
                raise self._unavailable(f"expected {expected} {what}, got {len(found)}")
        if not all(0 <= each <= 1 for each in probabilities):  # not a number is in no range
            raise self._unavailable("expected probabilities from 0 to 1")
        self.problem = None
        self._breaker.succeeded()
        return Answer(self.family.name, response.model_version, probabilities, explanations)

    def _refused(self, status: int, headers: Mapping[str, str], content: bytes) -> VigieError:
        said = f"{self.family.service} answered {status}: {content[:200].decode(errors='replace')}"
        if status == 429:
            return QueueFull(said, retry_after=_seconds(headers.get("retry-after", "")))
        if status == 504:
            return DeadlineExceeded(said)
        if status == 400:
            return InvalidRequest(said)
        if status == 404 and self._on_trial:
            return NotFound(said)
        if status == 500:
            self.problem = said
            return ModelFailed(said)
        return self._unavailable(said)

    def _observe(self, weight: int, waited: float, took: float) -> None:
        self._queue_seconds.observe(waited)
        self._call_seconds.observe(took)

    def _check(self) -> None:
        """Raises `Unavailable` at once for a predictor that failed again and again."""
        if not self._breaker.allows(_now()):
            raise LeftAlone(self.problem or f"{self.family.service} does not answer")

    def _unavailable(self, problem: str) -> Unavailable:
        self.problem = problem
        self._breaker.failed(_now())
        return Unavailable(problem)


def _seconds(retry_after: str) -> float:
    """Of a `Retry-After`; one where it is none that a predictor sends, such as the date of a proxy."""
    return float(retry_after) if retry_after.isdecimal() else 1.0
