"""How every predictor follows its alias: nothing fails, nothing broken serves, no registry is needed to go on."""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.contract.families import HOSTILE_WRITERS
from tests.contract.predictors import ALIAS, PredictorUnderTest
from tests.support.publishing import Damage
from tests.support.servers import ServerProcess, free_port, wait_for
from vigie.artifacts import GOLDEN, MANIFEST
from vigie.inference import PROBABILITY, InferenceResponse

pytestmark = pytest.mark.timeout(300)  # several waits of a minute

NOWHERE = "http://127.0.0.1:1"
MOVES = 18
TEXTS = ["late again", "lovely crew", "never again, you lost my bag", "thank you so much"]


@contextmanager
def load(predictor: PredictorUnderTest, workers: int = 4) -> Iterator[list[httpx.Response]]:
    """Requests from several connections as long as the block runs; their answers are there after it."""
    answers: list[httpx.Response] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.append(predictor.post(TEXTS))

    with ThreadPoolExecutor(workers) as pool:
        asking = [pool.submit(ask) for _ in range(workers)]
        try:
            yield answers
        finally:
            over.set()
        for each in asking:
            each.result()


def test_an_alias_that_moves_twenty_times_takes_over_without_one_failed_or_mixed_answer(
    predictor: PredictorUnderTest,
) -> None:
    first = predictor.metadata()
    assert first
    expected = {first.versions[0]: predictor.infer(TEXTS).output(PROBABILITY)}
    with load(predictor) as answers:
        for strength in (0.1, 10.0):
            number = predictor.publish(strength=strength)
            predictor.wait(lambda number=number: predictor.serves(number))  # type: ignore[misc]
            expected[number] = predictor.infer(TEXTS).output(PROBABILITY)
        for number in islice(cycle(expected), MOVES):
            predictor.publisher.name(number, ALIAS)
            predictor.wait(lambda number=number: predictor.serves(number))  # type: ignore[misc]
    assert len({tuple(values) for values in expected.values()}) == 3
    assert {answer.status_code for answer in answers} == {200}
    parsed = [InferenceResponse.model_validate_json(answer.content) for answer in answers]
    assert {answer.model_version for answer in parsed} == set(expected)
    for answer in parsed:
        assert answer.output(PROBABILITY) == pytest.approx(expected[answer.model_version], abs=1e-6)


def flip_a_byte(folder: Path) -> None:
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size if path.name != MANIFEST else -1)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def lose_a_file(folder: Path) -> None:
    next(path for path in sorted(folder.iterdir()) if path.name not in (MANIFEST, GOLDEN)).unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def swap_the_labels(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["labels"].reverse()
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (swap_the_labels, "expected labels"),
        (flip_a_byte, "expected sha256"),
        (lose_a_file, "not in the registry"),
        (lose_the_manifest, "not in the registry"),
    ],
)
def test_a_damaged_version_stays_out(predictor: PredictorUnderTest, damage: Damage, reason: str) -> None:
    before = predictor.infer(TEXTS)
    number = predictor.publish(strength=0.1, damage=damage)
    predictor.wait(lambda: predictor.rejects(number))
    assert reason in (predictor.rejects(number) or "")
    assert predictor.infer(TEXTS) == before


def test_a_version_with_wrong_golden_rows_stays_out_and_the_next_good_one_comes_in(
    predictor: PredictorUnderTest,
) -> None:
    number = predictor.publish(strength=0.1, off_by=0.001)
    predictor.wait(lambda: predictor.rejects(number))
    assert "golden row" in (predictor.rejects(number) or "")
    metadata = predictor.metadata()
    assert metadata
    assert metadata.parameters.stale_since
    assert predictor.client.get("/v2/health/ready").status_code == 200
    name = predictor.family.registered_model
    assert f'vigie_reload_total{{model="{name}",result="rejected"}}' in predictor.client.get("/metrics").text
    good = predictor.publish(strength=0.1)
    predictor.wait(lambda: predictor.serves(good))


def test_a_version_that_would_run_code_stays_out(predictor: PredictorUnderTest) -> None:
    number = predictor.publish_written(HOSTILE_WRITERS[predictor.family.name])
    predictor.wait(lambda: predictor.rejects(number))
    assert "must not be loaded" in (predictor.rejects(number) or "")


def test_nothing_is_ready_without_a_version_and_the_reason_is_told(stopped: PredictorUnderTest) -> None:
    stopped.start(model_alias="nobody")
    stopped.wait(lambda: "no alias 'nobody'" in stopped.client.get(stopped.url()).text)
    for path in ("/v2/health/ready", stopped.url("/ready"), stopped.url(), "/readyz"):
        assert stopped.client.get(path).status_code == 503, path
    assert stopped.post(TEXTS).status_code == 503
    assert stopped.client.get("/v2/health/live").status_code == 200
    number = stopped.publish()
    stopped.publisher.name(number, "nobody")
    stopped.wait(lambda: stopped.serves(number))


def test_without_a_registry_the_last_good_version_serves_also_past_a_damaged_one(stopped: PredictorUnderTest) -> None:
    numbers = []
    for strength in (1.0, 0.1):
        numbers.append(stopped.publish(strength=strength))
        stopped.start()
        stopped.wait(lambda: stopped.serves(numbers[-1]))
        stopped.stop()
    for number in reversed(numbers):
        stopped.start(mlflow_tracking_uri=NOWHERE)
        stopped.wait(lambda number=number: stopped.serves(number))  # type: ignore[misc]
        metadata = stopped.metadata()
        assert metadata
        assert metadata.parameters.stale_since
        assert stopped.client.get("/readyz").json()["ready"] is True
        stopped.stop()
        shutil.rmtree(stopped.home / "models" / stopped.family.name / metadata.parameters.digest)


def test_too_much_at_once_is_told_to_come_back_and_the_rest_is_answered(stopped: PredictorUnderTest) -> None:
    number = stopped.publish()
    stopped.start(predictor_queue_limit=1)
    stopped.wait(lambda: stopped.serves(number))
    together, answers = threading.Barrier(16), list[httpx.Response]()

    def ask(_: int) -> httpx.Response:
        together.wait()
        return stopped.post(["where is my bag? " * 20] * 1000)

    with ThreadPoolExecutor(16) as pool:
        deadline = monotonic() + 60
        while {answer.status_code for answer in answers} != {200, 429} and monotonic() < deadline:
            answers += pool.map(ask, range(16))
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)


def test_a_killed_process_comes_back_without_its_registry(stopped: PredictorUnderTest) -> None:
    stopped.publish()
    port, family = free_port(), stopped.family
    process = ServerProcess(
        [sys.executable, "-m", family.service.replace("-", "_")],
        port=port,
        log=stopped.home.parent / "predictor.log",
        environment={
            "VIGIE_HOME": str(stopped.home),
            "MLFLOW_TRACKING_URI": stopped.registry_url,
            "MODEL_ALIAS": ALIAS,
            f"PREDICTOR_{family.name.upper()}_PORT": str(port),
        },
    )
    process.start()
    try:
        wait_for(lambda: is_ready(port), what="readiness")
        process.kill()
        process.environment["MLFLOW_TRACKING_URI"] = NOWHERE
        process.start()
        wait_for(lambda: is_ready(port), what="readiness without a registry")
    finally:
        process.stop()


def is_ready(port: int) -> bool:
    """Whether a predictor on that port is ready."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
