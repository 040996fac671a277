"""The application over a registry in memory: overload, deadlines, poison, readiness, metrics."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from tests.support.eventually import eventually
from tests.support.models import MADE_AT, FakeRegistry, TinyPredictor, make_tiny, tiny_probability
from vigie.cards import ModelCard
from vigie.catalogue import CHALLENGER, CHAMPION, SHADOW
from vigie.inference import InferenceRequest, InferenceResponse, ModelMetadata
from vigie.ledger import PREFIX, Entry
from vigie.predictor import InTime, Probabilities, always
from vigie.registry import Version
from vigie.schemas import WordWeight
from vigie.serving.app import predictor_app
from vigie.serving.engine import Engine
from vigie.serving.models import open_model
from vigie.serving.settings import PredictorSettings
from vigie.serving.threads import ComputeThreads

INFER = "/v2/models/logreg/infer"
GATE = threading.Event()
BUSY = threading.Event()


class GatedPredictor(TinyPredictor):
    """Waits for the gate when it sees `wait`."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        if "wait" in texts:
            BUSY.set()
            GATE.wait(20)
        return super().predict(texts)


@asynccontextmanager
async def running(registry: FakeRegistry, home: Path, **settings: float) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running application, which leaves all computing to its thread: there it can be held up."""
    GATE.clear()
    BUSY.clear()
    options = PredictorSettings.read(vigie_home=home, **{"model_poll_seconds": 0.01} | settings)
    app = predictor_app("logreg", GatedPredictor, options, registry=registry)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    patch = pytest.MonkeyPatch()
    patch.setattr("vigie.serving.engine.AT_ONCE_SECONDS", 0)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://p") as client:
        try:
            yield client
        finally:
            GATE.set()
            patch.undo()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that serves version 1."""
    registry = FakeRegistry()
    registry.publish(make_tiny(tmp_path / "made", factor=7))
    settings = {"predictor_batch_size": 4, "predictor_queue_limit": 8}
    async with running(registry, tmp_path / "home", **settings) as client:
        await until_ready(client)
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    async def ready() -> bool:
        return (await client.get("/v2/health/ready")).status_code == 200

    await eventually(ready)


async def until_served(client: httpx.AsyncClient, number: str) -> None:
    async def serves() -> bool:
        return (await read_metadata(client)).versions == [number]

    await eventually(serves)


async def infer(client: httpx.AsyncClient, *texts: str, path: str = INFER, deadline_ms: str = "") -> httpx.Response:
    headers = {"X-Deadline-Ms": deadline_ms} if deadline_ms else {}
    return await client.post(path, content=InferenceRequest.of(list(texts)).model_dump_json(), headers=headers)


class ExplainingPredictor(TinyPredictor):
    """Explains with the first word."""

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        return [[WordWeight(word=text.split()[0], weight=1.0)] for text in texts]


async def test_what_there_is_no_time_to_explain_is_answered_without(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    version = Version(model="vigie-logreg", number="1", source="models:/m-1")
    with ComputeThreads() as threads:
        engine = Engine("logreg", threads, batch_size=8, queue_limit=8)
        engine.serve(open_model(ExplainingPredictor, make_tiny(tmp_path / "made"), version, now=MADE_AT))
        known = [WordWeight(word="late", weight=1.0)]
        later, before = loop.time() + 60, loop.time()
        assert await engine.explain(["late again"], number="1", deadline=later) == [known]
        assert await engine.explain(["late again", "fine"], number="1", deadline=before) == [None, None]
        assert await engine.explain(["late again"], number="2", deadline=later) is None
        await engine.stop()


@pytest.fixture
async def trials(tmp_path: Path) -> AsyncIterator[tuple[FakeRegistry, httpx.AsyncClient]]:
    """A registry and an application that serves version 1 of it, with 2 as challenger and 3 as shadow beside it."""
    registry = FakeRegistry()
    for factor, alias in ((7, CHAMPION), (3, CHALLENGER), (5, SHADOW)):
        registry.publish(make_tiny(tmp_path / alias, factor=factor), alias=alias)
    async with running(registry, tmp_path / "home") as client:
        await until_on_trial(client, {"challenger": "2", "shadow": "3"})
        yield registry, client


async def until_on_trial(client: httpx.AsyncClient, expected: dict[str, str]) -> None:
    """Waits until these versions are on trial."""

    async def found() -> bool:
        reply = await client.get("/v2/models/logreg")
        return reply.status_code == 200 and reply.json()["parameters"]["on_trial"] == expected

    await eventually(found)


Trials = tuple[FakeRegistry, httpx.AsyncClient]


async def test_versions_on_trial_serve_beside_the_champion(trials: Trials) -> None:
    registry, client = trials
    for version, number, factor in (("", "1", 7), ("challenger", "2", 3), ("2", "2", 3), ("shadow", "3", 5)):
        place = f"/v2/models/logreg/versions/{version}" if version else "/v2/models/logreg"
        answer = InferenceResponse.model_validate_json((await infer(client, "late", path=f"{place}/infer")).content)
        assert answer.model_version == number
        assert answer.output("probability_negative") == pytest.approx([tiny_probability(factor, "late")], abs=1e-6)
        assert (await client.get(place)).json()["parameters"]["version"] == number
        assert (await client.get(f"{place}/ready")).status_code == 200
    registry.name(None, CHALLENGER)
    await until_on_trial(client, {"shadow": "3"})
    assert (await infer(client, "late", path="/v2/models/logreg/versions/challenger/infer")).status_code == 404
    assert (await client.get("/v2/health/ready")).status_code == 200


async def test_a_shadow_computes_only_while_nobody_else_does(trials: Trials) -> None:
    _, client = trials
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    refused = await infer(client, "late", path="/v2/models/logreg/versions/shadow/infer")
    assert refused.status_code == 429
    assert refused.json() == {"error": "logreg@shadow: computes only while nobody else does"}
    GATE.set()
    assert (await blocker).status_code == 200
    assert (await infer(client, "late", path="/v2/models/logreg/versions/shadow/infer")).status_code == 200


async def test_a_broken_version_on_trial_leaves_the_champion_alone(trials: Trials, tmp_path: Path) -> None:
    registry, client = trials
    registry.publish(make_tiny(tmp_path / "broken", off_by=0.5), alias=CHALLENGER)

    async def told() -> bool:
        details = (await client.get("/v2/models/logreg/versions/challenger")).json()["parameters"]
        return bool(details.get("rejected", {}).get("version") == "4")

    await eventually(told)
    details = (await read_metadata(client)).parameters
    assert (details.rejected, details.on_trial) == (None, {"challenger": "2", "shadow": "3"})
    assert details.kept_out["challenger"].reason.startswith("golden row")
    ready = (await client.get("/readyz")).json()
    assert ready == {"ready": True, "dependencies": {"model": "ok", "registry": "ok"}}
    metrics = (await client.get("/metrics")).text
    assert 'vigie_reload_total{model="vigie-logreg@challenger",result="rejected"}' in metrics


async def test_concurrent_requests_get_their_own_answers(client: httpx.AsyncClient) -> None:
    requests = [[f"{'x' * number}{index}" for index in range(size)] for number, size in enumerate((1, 3, 2, 2))]
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    asked = [asyncio.create_task(infer(client, *texts)) for texts in requests]
    await queued(sum(map(len, requests)))
    GATE.set()
    await blocker
    for texts, answer in zip(requests, await asyncio.gather(*asked), strict=True):
        got = InferenceResponse.model_validate_json(answer.content).output("probability_negative")
        assert got == pytest.approx([tiny_probability(7, text) for text in texts], abs=1e-6)


async def test_a_full_queue_is_429_with_a_time_to_come_back(client: httpx.AsyncClient) -> None:
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    waiting = [asyncio.create_task(infer(client, *"abcd")) for _ in range(2)]
    await queued(8)
    refused = await infer(client, "one more")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json() == {"error": "the queue holds 8 of 8"}
    GATE.set()
    assert [(await task).status_code for task in (blocker, *waiting)] == [200] * 3


async def test_health_answers_while_the_model_computes(client: httpx.AsyncClient) -> None:
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}
    GATE.set()
    assert (await blocker).status_code == 200


async def test_a_deadline_that_passes_is_504_while_others_are_computed(client: httpx.AsyncClient) -> None:
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    late = await infer(client, "a", deadline_ms="20")
    assert late.status_code == 504
    assert late.json() == {"error": "the deadline passed before an answer was there"}
    assert (await infer(client, "a", deadline_ms="0")).status_code == 504
    GATE.set()
    assert (await blocker).status_code == 200


async def test_the_setting_caps_the_deadline(tmp_path: Path) -> None:
    registry = FakeRegistry()
    registry.publish(make_tiny(tmp_path / "made"))
    async with running(registry, tmp_path / "home", predictor_timeout_seconds=0.02) as client:
        await until_ready(client)
        assert (await infer(client, "wait", deadline_ms="60000")).status_code == 504
        assert (await infer(client, "wait")).status_code == 504


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "٣", "1" * 13])
async def test_a_deadline_that_is_no_number_is_a_400(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.post(INFER, content=b"{}", headers={b"X-Deadline-Ms": value.encode()})
    assert answer.status_code == 400
    assert "X-Deadline-Ms: expected milliseconds" in answer.json()["error"]


async def test_only_the_request_with_the_bad_text_fails(client: httpx.AsyncClient) -> None:
    blocker = asyncio.create_task(infer(client, "wait"))
    await computing()
    tasks = [asyncio.create_task(infer(client, text)) for text in ("a", "poison", "ccc", "dddd")]
    await queued(4)
    GATE.set()
    assert [(await task).status_code for task in tasks] == [200, 500, 200, 200]
    assert (await tasks[1]).json()["error"].startswith("the server failed")
    assert (await blocker).status_code == 200


async def test_nothing_is_ready_before_a_version_is_and_the_reason_is_told(tmp_path: Path) -> None:
    registry = FakeRegistry()
    broken = make_tiny(tmp_path / "broken", off_by=0.5)
    registry.publish(broken)
    async with running(registry, tmp_path / "home") as client:

        async def rejected() -> bool:
            return "rejected" in (await client.get("/v2/models/logreg")).text

        await eventually(rejected)
        for path in ("/v2/health/ready", "/v2/models/logreg/ready", "/v2/models/logreg/versions/1/ready"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.json()["ready"] is False
        for answer in (await client.get("/v2/models/logreg"), await infer(client, "late")):
            assert answer.status_code == 503
            assert "version 1 was rejected: golden row 'late again'" in answer.json()["error"]
            assert int(answer.headers["Retry-After"]) >= 1
        readyz = await client.get("/readyz")
        assert readyz.status_code == 503
        assert readyz.json()["dependencies"]["model"] == "no version is ready"
        registry.publish(make_tiny(tmp_path / "good"))
        await until_ready(client)
        assert (await client.get("/readyz")).json() == {
            "ready": True,
            "dependencies": {"model": "ok", "registry": "ok"},
        }


async def test_the_metadata_tell_of_a_rejected_version_and_since_when_it_is_stale(tmp_path: Path) -> None:
    registry = FakeRegistry()
    registry.publish(make_tiny(tmp_path / "good"))
    async with running(registry, tmp_path / "home") as client:
        await until_ready(client)
        registry.publish(make_tiny(tmp_path / "broken", off_by=0.5))

        async def rejected() -> bool:
            return (await read_metadata(client)).parameters.rejected is not None

        await eventually(rejected)
        metadata = await read_metadata(client)
    assert metadata.parameters.rejected
    assert metadata.versions == ["1"]
    assert metadata.parameters.rejected.version == "2"
    assert "golden row" in metadata.parameters.rejected.reason
    assert metadata.parameters.stale_since
    assert metadata.parameters.metrics == {"accuracy": 0.8}


async def test_the_card_tells_the_last_move_to_the_version_that_serves(tmp_path: Path) -> None:
    registry = FakeRegistry()
    first = registry.publish(make_tiny(tmp_path / "one"))
    moves = [
        Entry(at=MADE_AT, who="ada", kind="promote", before=before, to=to, why="passed")
        for before, to in ((None, "1"), ("1", "2"), ("2", "1"), ("1", "3"))
    ]
    ledger = {f"{PREFIX}{number:06d}": move.model_dump_json(by_alias=True) for number, move in enumerate(moves)}
    async with running(registry, tmp_path / "home") as client:
        await until_ready(client)
        assert (await read_card(client)).promotion is None
        registry.ledger = dict([*ledger.items()][:2])
        assert (await read_card(client)).promotion == moves[0]
        registry.publish(make_tiny(tmp_path / "two"))
        await until_served(client, "2")
        registry.ledger = ledger
        registry.name(first)
        await until_served(client, "1")
        card = await read_card(client)
        registry.up = False
        assert await read_card(client) == card
        assert (await client.get("/v2/models/oracle/card")).status_code == 404
    assert card.promotion == moves[2]
    assert (card.name, card.version, card.created_at, card.metrics) == ("logreg", "1", MADE_AT, {"accuracy": 0.8})
    assert card.held_out is None


async def read_card(client: httpx.AsyncClient) -> ModelCard:
    return ModelCard.model_validate_json((await client.get("/v2/models/logreg/card")).content)


async def read_metadata(client: httpx.AsyncClient) -> ModelMetadata:
    return ModelMetadata.model_validate_json((await client.get("/v2/models/logreg")).content)


async def test_a_version_that_is_insisted_on_is_the_one_that_answers_or_it_is_404(tmp_path: Path) -> None:
    registry = FakeRegistry()
    registry.publish(make_tiny(tmp_path / "one", factor=7))
    second = make_tiny(tmp_path / "two", factor=8)
    async with running(registry, tmp_path / "home") as client:
        await until_ready(client)
        assert (await infer(client, "a", path="/v2/models/logreg/versions/1/infer")).status_code == 200
        assert (await infer(client, "a", path="/v2/models/logreg/versions/2/infer")).status_code == 404
        blocker = asyncio.create_task(infer(client, "wait"))
        await computing()
        overtaken = asyncio.create_task(infer(client, "a", path="/v2/models/logreg/versions/1/infer"))
        anyone = asyncio.create_task(infer(client, "a"))
        await queued(2)
        registry.publish(second)
        await until_served(client, "2")
        GATE.set()
        assert (await blocker).json()["model_version"] == "1"
        assert (await overtaken).json() == {"error": "logreg: version '1' does not serve, '2' does"}
        assert (await anyone).json()["model_version"] == "2"


async def test_what_serves_and_how_it_batches_is_measured(client: httpx.AsyncClient) -> None:
    before = REGISTRY.get_sample_value("vigie_batch_texts_sum", {"model": "logreg"}) or 0
    await infer(client, "a", "b", "c")
    assert REGISTRY.get_sample_value("vigie_batch_texts_sum", {"model": "logreg"}) == before + 3
    text = (await client.get("/metrics")).text
    assert 'vigie_model_info{model="logreg",model_id="m-1",version="1"} 1.0' in text
    for name in (
        "vigie_queue_seconds_bucket",
        "vigie_compute_seconds_bucket",
        "vigie_reload_total",
        "vigie_registry_up",
    ):
        assert name in text


async def test_the_documentation_names_every_endpoint_with_its_messages(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    operation = paths["/v2/models/{name}/infer"]["post"]
    assert "InferenceRequest" in str(operation["requestBody"])
    assert {"200", "400", "404", "429", "503", "504"} <= set(operation["responses"])
    assert {"/v2", "/v2/health/live", "/v2/models", "/v2/models/{name}/versions/{version}/infer"} <= set(paths)


async def computing() -> None:
    """Returns once a batch is being computed."""

    async def busy() -> bool:
        return BUSY.is_set()

    await eventually(busy)


async def queued(texts: int) -> None:
    """Returns once so many texts wait."""

    async def enough() -> bool:
        return REGISTRY.get_sample_value("vigie_queue_texts", {"model": "logreg"}) == texts

    await eventually(enough)
