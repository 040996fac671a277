"""Following an alias: what may pass is tried again after a while, what is wrong with a version is not."""

import errno
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from prometheus_client import REGISTRY

from tests.support.models import MADE_AT, WEIGHTS, TinyPredictor
from tests.unit.vigie.serving.test_follower import World, reloads
from vigie.artifacts import ArtifactError
from vigie.model_status import Rejection
from vigie.predictor import Probabilities
from vigie.serving.follower import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_WITHOUT_SECONDS
from vigie.serving.models import open_model

LONG = 100_000.0


class MoodyPredictor(TinyPredictor):
    """Raises what `troubles` says when it is loaded, one after another; `loads` counts; a text takes `seconds`."""

    troubles: ClassVar[list[BaseException]] = []
    loads = 0
    seconds = 0.0
    time = 0.0

    @classmethod
    def load(cls, directory: Path) -> "MoodyPredictor":
        MoodyPredictor.loads += 1
        if MoodyPredictor.troubles:
            raise MoodyPredictor.troubles.pop(0)
        return super().load(directory)

    def predict(self, texts: Sequence[str]) -> Probabilities:
        MoodyPredictor.time += self.seconds
        return super().predict(texts)


@pytest.fixture
def world(tmp_path: Path) -> World:
    MoodyPredictor.troubles, MoodyPredictor.loads, MoodyPredictor.seconds = [], 0, 0.0
    return moody(World(tmp_path))


def moody(world: World) -> World:
    world.follower._open = partial(open_model, MoodyPredictor, now=MADE_AT, clock=lambda: MoodyPredictor.time)
    return world


def translated(error: Exception) -> Exception:
    """As a loader says it."""
    found = ArtifactError(f"encoder.onnx: cannot be read: {error}")
    found.__cause__ = error
    return found


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(errno.EMFILE, "Too many open files"),
        FileNotFoundError(errno.ENOENT, "gone", WEIGHTS),
        MemoryError(),
        translated(OSError(errno.EMFILE, "Too many open files")),
    ],
)
def test_what_the_machine_lacks_for_a_moment_rejects_nothing_and_is_tried_again(
    world: World, trouble: Exception
) -> None:
    before = reloads("error")
    MoodyPredictor.troubles = [trouble]
    world.publish(factor=3)
    world.follower.step()
    world.follower.step()
    assert (world.served, world.follower.rejection, MoodyPredictor.loads) == ([], None, 1)
    assert (world.follower.problem or "").startswith("version 1 cannot be opened: ")
    assert reloads("error") == before + 1
    world.seconds = FIRST_PAUSE_SECONDS
    world.follower.step()
    assert (world.served, world.follower.problem) == (["1"], None)
    assert world.registry.downloads == 1


@pytest.mark.parametrize(
    "trouble",
    [
        ValueError("no weights"),
        BaseException("a panic of a library in Rust"),
        ArtifactError("a graph that must not be loaded"),
        translated(FileNotFoundError(errno.ENOENT, "never came")),
        translated(OSError("Failed to interpret file")),
    ],
)
def test_what_is_wrong_with_a_version_is_not_tried_again(world: World, trouble: BaseException) -> None:
    MoodyPredictor.troubles = [trouble]
    world.publish(factor=3)
    world.follower.step()
    world.seconds = LONG
    world.follower.step()
    assert (world.served, MoodyPredictor.loads) == ([], 1)
    assert world.follower.rejection


def test_a_version_that_is_too_slow_stays_out_with_its_reason_and_comes_in_when_it_is_quick(world: World) -> None:
    world.publish(factor=3)
    world.follower.step()
    before, reason = reloads("rejected"), "too slow: expected one text in 1 s, took 2.000 s"
    MoodyPredictor.seconds = 2.0
    world.publish(factor=4)
    for world.seconds in (0.0, 1.0, FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS + 1):
        world.follower.step()
        assert world.served == ["1"]
        assert world.follower.rejection == Rejection(version="2", reason=reason)
    labels = {"model": "vigie-logreg", "version": "2", "reason": reason}
    assert REGISTRY.get_sample_value("vigie_model_rejected_info", labels) == 1
    assert reloads("rejected") == before + 2
    MoodyPredictor.seconds, world.seconds = 0.0, LONG
    world.follower.step()
    assert (world.served, world.follower.rejection) == (["1", "2"], None)
    assert REGISTRY.get_sample_value("vigie_model_rejected_info", labels) is None


@pytest.mark.parametrize(("serves", "longest"), [(True, LONGEST_PAUSE_SECONDS), (False, LONGEST_PAUSE_WITHOUT_SECONDS)])
def test_pauses_grow_up_to_a_limit_which_is_low_while_nothing_serves(
    world: World, serves: bool, longest: float
) -> None:
    if serves:
        world.publish(factor=3)
        world.follower.step()
    MoodyPredictor.seconds, MoodyPredictor.loads = 2.0, 0
    world.publish(factor=4)
    tried: list[float] = []
    for second in range(1500):
        world.seconds, loads = float(second), MoodyPredictor.loads
        world.follower.step()
        tried += [world.seconds] * (MoodyPredictor.loads - loads)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:2] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS]
    assert pauses == sorted(pauses)
    assert pauses[-1] == longest


def test_while_nothing_serves_the_last_good_version_is_tried_again_too(world: World) -> None:
    world.publish(factor=3)
    world.follower.step()
    world.registry.up = False
    world.restart()
    moody(world)
    MoodyPredictor.troubles = [MemoryError(), MemoryError()]
    for world.seconds in (0.0, 1.0, FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS + 1):
        world.follower.step()
        assert world.served == []
    world.seconds = 3 * FIRST_PAUSE_SECONDS
    world.follower.step()
    assert world.served == ["1"]
    assert MoodyPredictor.loads == 1 + 3
