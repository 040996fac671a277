"""Where a batch is computed."""

import asyncio
import threading
from collections.abc import Sequence
from math import inf
from pathlib import Path

import pytest

from tests.support.models import MADE_AT, TinyPredictor, make_tiny
from vigie.errors import DeadlineExceeded
from vigie.predictor import InTime, Probabilities, always
from vigie.registry import Version
from vigie.schemas import WordWeight
from vigie.serving.engine import Engine
from vigie.serving.models import open_model
from vigie.serving.threads import ComputeThreads

TURNS = 20  # of the loop: enough for the engine to have given the batch away
BEFORE_SECONDS, FOR_EXPLAINING_SECONDS = 10, 2  # so long that a starved machine is in time too
WENT_ON, WAITS = threading.Event(), threading.Semaphore(0)
RUNS: list[tuple[str, str]] = []


class WatchedPredictor(TinyPredictor):
    """Notes which thread computes what; "wait" takes until `WENT_ON` is set."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        RUNS.append((texts[0], threading.current_thread().name))
        if texts[0] == "wait":
            WAITS.release()
            WENT_ON.wait(30)
        return super().predict(texts)


async def test_what_is_quick_is_computed_where_it_is_but_never_two_at_a_time(tmp_path: Path) -> None:
    version, deadline = Version(model="vigie-logreg", number="1", source="models:/m-1"), 60.0
    until = asyncio.get_running_loop().time() + deadline
    here = threading.current_thread().name
    with ComputeThreads() as threads:
        engine = Engine("logreg", threads, batch_size=8, queue_limit=8)
        engine.serve(open_model(WatchedPredictor, make_tiny(tmp_path / "made"), version, now=MADE_AT))
        RUNS.clear()
        WENT_ON.clear()
        await engine.infer(["first"], number=None, deadline=until)
        assert RUNS[-1][1].startswith("compute")
        while RUNS[-1] != ("quick", here):
            await engine.infer(["quick"], number=None, deadline=until)
        other = asyncio.create_task(threads.run(WENT_ON.wait, 30))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(engine.infer(["behind"], number=None, deadline=until))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        WENT_ON.set()
        await asyncio.gather(other, waiting)
        assert RUNS[-1][0] == "behind"
        assert RUNS[-1][1].startswith("compute")
        while RUNS[-1] != ("again", here):
            await engine.infer(["again"], number=None, deadline=until)
        await engine.stop()


async def test_what_takes_long_is_computed_in_the_thread(tmp_path: Path) -> None:
    version = Version(model="vigie-logreg", number="1", source="models:/m-1")
    until = asyncio.get_running_loop().time() + 60
    with ComputeThreads() as threads:
        engine = Engine("logreg", threads, batch_size=8, queue_limit=8)
        engine.serve(open_model(WatchedPredictor, make_tiny(tmp_path / "made"), version, now=MADE_AT))
        WENT_ON.clear()
        waiting = asyncio.create_task(engine.infer(["wait"], number=None, deadline=until))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        WENT_ON.set()
        await waiting
        assert RUNS[-1][1].startswith("compute")
        await engine.stop()


class PanickyPredictor(TinyPredictor):
    """Panics at "panic", as a library in Rust does."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        if "panic" in texts:
            raise BaseException("a panic")
        return super().predict(texts)

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        raise BaseException("a panic")


@pytest.mark.parametrize("at_once_seconds", [0.0, inf])
async def test_a_panic_is_an_error_of_that_text_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once_seconds: float
) -> None:
    monkeypatch.setattr("vigie.serving.engine.AT_ONCE_SECONDS", at_once_seconds)
    version = Version(model="vigie-logreg", number="1", source="models:/m-1")
    until = asyncio.get_running_loop().time() + 60
    with ComputeThreads() as threads:
        engine = Engine("logreg", threads, batch_size=8, queue_limit=8)
        engine.serve(open_model(PanickyPredictor, make_tiny(tmp_path / "made"), version, now=MADE_AT))
        await engine.infer(["ok"], number=None, deadline=until)
        asked = [engine.infer([text], number=None, deadline=until) for text in ("ok", "panic", "late")]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(answer, RuntimeError) for answer in answers] == [False, True, False]
        with pytest.raises(RuntimeError, match="a panic"):
            await engine.explain(["ok"], number="1", deadline=until)
        await engine.stop()


async def test_as_many_batches_as_are_allowed_are_computed_at_a_time_each_with_one_version(tmp_path: Path) -> None:
    first, second = (Version(model="vigie-logreg", number=number, source="models:/m-1") for number in "12")
    artefact, until = make_tiny(tmp_path / "made"), asyncio.get_running_loop().time() + 60
    with ComputeThreads(2) as threads:
        engine = Engine("logreg", threads, batch_size=1, queue_limit=8)
        engine.serve(open_model(WatchedPredictor, artefact, first, now=MADE_AT))
        RUNS.clear()
        WENT_ON.clear()
        while WAITS.acquire(blocking=False):
            WENT_ON.wait(0.001)
        waiting = [asyncio.create_task(engine.infer(["wait"], number=None, deadline=until))]
        assert await asyncio.to_thread(WAITS.acquire, timeout=30)
        engine.serve(open_model(WatchedPredictor, artefact, second, now=MADE_AT))
        beside = await engine.infer(["beside"], number=None, deadline=until)
        assert not waiting[0].done()
        waiting.append(asyncio.create_task(engine.infer(["wait"], number=None, deadline=until)))
        waiting.append(asyncio.create_task(engine.infer(["third"], number=None, deadline=until)))
        assert await asyncio.to_thread(WAITS.acquire, timeout=30)
        assert "third" not in [text for text, _ in RUNS]
        WENT_ON.set()
        answers = await asyncio.gather(*waiting)
        assert [answer.number for answer in (beside, *answers)] == ["2", "1", "2", "2"]
        await engine.stop()


class SlowExplainer(TinyPredictor):
    """Explains "long" for as long as there is time, and "deaf" until `WENT_ON` is set, whatever the time."""

    began, stopped = threading.Event(), threading.Event()

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        self.began.set()
        if texts[0] == "deaf":
            WENT_ON.wait(30)
        while texts[0] == "long" and in_time():
            WENT_ON.wait(0.001)
        self.stopped.set()
        if not in_time():
            raise DeadlineExceeded("as told")
        return [[WordWeight(word=texts[0], weight=1.0)]]


def explaining(threads: ComputeThreads, folder: Path) -> Engine:
    version = Version(model="vigie-logreg", number="1", source="models:/m-1")
    engine = Engine("logreg", threads, batch_size=8, queue_limit=8)
    engine.serve(open_model(SlowExplainer, make_tiny(folder / "made"), version, now=MADE_AT))
    for event in (WENT_ON, SlowExplainer.began, SlowExplainer.stopped):
        event.clear()
    return engine


@pytest.mark.parametrize("slow", ["long", "deaf"])
async def test_an_explanation_that_takes_too_long_is_left_out_in_time_for_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr("vigie.serving.engine.EXPLAINED_BEFORE_SECONDS", BEFORE_SECONDS)
    deadline = asyncio.get_running_loop().time() + 60
    with ComputeThreads() as threads:
        engine = explaining(threads, tmp_path)
        assert await engine.explain(["ok"], number="1", deadline=deadline) == [[WordWeight(word="ok", weight=1.0)]]
        SlowExplainer.stopped.clear()
        soon = asyncio.get_running_loop().time() + BEFORE_SECONDS + FOR_EXPLAINING_SECONDS
        found = await engine.explain(["ok", slow, "ok"], number="1", deadline=soon)
        assert asyncio.get_running_loop().time() < soon
        assert found == [[WordWeight(word="ok", weight=1.0)], None, None]
        WENT_ON.set()
        assert await asyncio.to_thread(SlowExplainer.stopped.wait, 30)
        await engine.stop()


async def test_nothing_is_explained_any_more_for_who_left(tmp_path: Path) -> None:
    deadline = asyncio.get_running_loop().time() + 600
    with ComputeThreads() as threads:
        engine = explaining(threads, tmp_path)
        asked = asyncio.create_task(engine.explain(["long"], number="1", deadline=deadline))
        assert await asyncio.to_thread(SlowExplainer.began.wait, 30)
        asked.cancel()
        assert await asyncio.to_thread(SlowExplainer.stopped.wait, 30)
        await engine.stop()
