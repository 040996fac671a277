"""Following an alias: what comes in, what stays out, what happens without a registry."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tests.support.models import MADE_AT, WEIGHTS, FakeRegistry, TinyPredictor, make_tiny
from tests.support.servers import wait_for
from vigie.artifacts import seal
from vigie.registry import Version
from vigie.serving.cache import ModelCache
from vigie.serving.follower import Follower
from vigie.serving.models import ServedModel, open_model


@dataclass
class World:
    """A registry, a cache, a clock, and the follower of one process."""

    folder: Path
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    served: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process over the same disk."""
        self.served.clear()
        self.follower = Follower(
            self.registry,
            ModelCache(self.folder / "cache", family="logreg"),
            model="vigie-logreg",
            alias="champion",
            open_model=partial(open_model, TinyPredictor, now=MADE_AT),
            serve=self._serve,
            now=lambda: MADE_AT + timedelta(seconds=self.seconds),
            clock=lambda: self.seconds,
        )

    def publish(self, *, factor: int, damage: Callable[[Path], object] | None = None, off_by: float = 0.0) -> Version:
        """A new version, damaged after it was sealed."""
        folder = make_tiny(self.folder / f"made-{factor}", factor=factor, off_by=off_by)
        if damage:
            damage(folder)
        return self.registry.publish(folder)

    def _serve(self, model: ServedModel) -> None:
        self.served.append(model.version.number)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def reloads(result: str) -> float:
    return REGISTRY.get_sample_value("vigie_reload_total", {"model": "vigie-logreg", "result": result}) or 0.0


def gauge(name: str) -> float | None:
    labels = {"model": "vigie-logreg"} if name == "vigie_model_stale_seconds" else {}
    return REGISTRY.get_sample_value(name, labels)


def test_the_version_that_the_alias_names_is_served_once(world: World) -> None:
    before = reloads("ok")
    world.publish(factor=3)
    world.follower.step()
    world.follower.step()
    assert world.served == ["1"]
    assert world.registry.downloads == 1
    assert reloads("ok") == before + 1
    assert world.follower.problem is None


def test_a_moved_alias_is_followed_and_a_move_back_needs_no_download(world: World) -> None:
    first = world.publish(factor=3)
    world.follower.step()
    world.publish(factor=4)
    world.follower.step()
    world.registry.name(first)
    world.follower.step()
    assert world.served == ["1", "2", "1"]
    assert world.registry.downloads == 2


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def other_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_text('{"factor": 5}')


def other_family(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "golden.json").unlink()
    seal(folder, family="forest", created_at=MADE_AT, golden=[], libraries={}, metrics={})


def no_golden_rows(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "golden.json").unlink()
    seal(folder, family="logreg", created_at=MADE_AT, golden=[], libraries={}, metrics={})


def nonsense(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "golden.json").unlink()
    (folder / WEIGHTS).write_text("not JSON")
    seal(folder, family="logreg", created_at=MADE_AT, golden=[], libraries={}, metrics={})


def swapped_labels(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["labels"].reverse()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (swapped_labels, "expected labels ['negative', 'positive'], got ['positive', 'negative']"),
        (no_weights, "files missing"),
        (other_weights, "weights.json: expected sha256"),
        (other_family, "expected family 'logreg', got 'forest'"),
        (no_golden_rows, "expected at least one row"),
        (nonsense, "JSONDecodeError"),
        (shutil.rmtree, "no artefact"),
    ],
)
def test_a_broken_version_stays_out_and_is_not_tried_again(
    world: World, damage: Callable[[Path], object], reason: str
) -> None:
    before = reloads("rejected")
    world.publish(factor=3)
    world.follower.step()
    world.publish(factor=4, damage=damage)
    for _ in range(3):
        world.follower.step()
    assert world.served == ["1"]
    assert world.registry.downloads == 2
    assert reloads("rejected") == before + 1
    rejection = world.follower.rejection
    assert rejection is not None
    assert rejection.version == "2"
    assert reason in rejection.reason
    assert len(list((world.folder / "cache").glob("*/manifest.json"))) == 1


def test_a_version_that_fails_its_golden_rows_stays_out_until_the_alias_moves(world: World) -> None:
    good = world.publish(factor=3)
    world.follower.step()
    world.publish(factor=4, off_by=0.001)
    world.follower.step()
    assert world.follower.rejection
    assert "golden row 'late again': expected" in world.follower.rejection.reason
    world.registry.name(good)
    world.follower.step()
    assert world.follower.rejection is None
    assert world.follower.stale_since is None
    world.publish(factor=5)
    world.follower.step()
    assert world.served == ["1", "3"]


def test_an_outage_keeps_what_serves_and_is_told(world: World) -> None:
    world.publish(factor=3)
    world.follower.step()
    assert (gauge("vigie_registry_up"), gauge("vigie_model_stale_seconds")) == (1, 0)
    world.registry.up = False
    world.seconds = 10
    world.follower.step()
    world.seconds = 25
    world.follower.step()
    assert (gauge("vigie_registry_up"), gauge("vigie_model_stale_seconds")) == (0, 15)
    assert world.follower.problem == "the registry is unavailable: switched off"
    world.registry.up = True
    world.follower.step()
    assert (gauge("vigie_registry_up"), gauge("vigie_model_stale_seconds")) == (1, 0)
    assert world.served == ["1"]


def test_a_registry_that_goes_away_between_look_and_download_is_asked_again(world: World) -> None:
    before = reloads("unavailable")
    world.publish(factor=3)
    world.registry.files_up = False
    world.follower.step()
    assert world.served == []
    assert world.follower.rejection is None
    assert reloads("unavailable") == before + 1
    world.registry.files_up = True
    world.follower.step()
    assert world.served == ["1"]


def test_a_full_or_missing_disk_is_not_the_versions_fault(world: World) -> None:
    before = reloads("error")
    world.publish(factor=3)
    (world.folder / "cache").write_text("a file where the folder should be")
    world.follower.step()
    assert world.follower.rejection is None
    assert world.follower.problem
    assert "version 1 cannot be stored" in world.follower.problem
    assert reloads("error") == before + 1
    (world.folder / "cache").unlink()
    world.follower.step()
    assert world.served == ["1"]


@pytest.mark.parametrize("trouble", ["outage", "no alias", "broken version"])
def test_a_restart_serves_the_last_good_version_whatever_the_registry_says(world: World, trouble: str) -> None:
    world.publish(factor=3)
    world.follower.step()
    world.publish(factor=4)
    world.follower.step()
    if trouble == "outage":
        world.registry.up = False
    elif trouble == "no alias":
        world.registry.name(None)
    else:
        world.publish(factor=6, damage=other_weights)
    world.restart()
    world.follower.step()
    world.follower.step()
    assert world.served == ["2"]
    assert world.follower.stale_since == MADE_AT


def test_a_restart_falls_back_past_a_damaged_version(world: World) -> None:
    world.publish(factor=3)
    world.follower.step()
    world.publish(factor=4)
    world.follower.step()
    newest = next(path for path in (world.folder / "cache").glob(f"*/{WEIGHTS}") if '"factor": 4' in path.read_text())
    newest.write_text("{}")
    world.registry.up = False
    world.restart()
    world.follower.step()
    assert world.served == ["1"]


def test_a_cached_version_that_no_longer_loads_is_passed_over(world: World) -> None:
    world.publish(factor=3)
    world.follower.step()
    world.registry.up = False
    world.restart()
    world.follower._open = partial(open_model, UnwillingPredictor, now=MADE_AT)
    world.follower.step()
    assert world.served == []
    assert world.follower.problem == "version 1 of the cache: ValueError: not any more"


class UnwillingPredictor(TinyPredictor):
    """Has learned to refuse since."""

    @classmethod
    def load(cls, directory: Path) -> "UnwillingPredictor":
        raise ValueError("not any more")


def test_nothing_serves_while_there_is_nothing_and_the_first_version_does(world: World) -> None:
    world.follower.step()
    assert world.served == []
    assert world.follower.problem
    assert "no alias 'champion' of 'vigie-logreg'" in world.follower.problem
    world.publish(factor=3)
    world.follower.step()
    assert world.served == ["1"]


def test_the_thread_polls_and_survives_what_it_does_not_know(world: World) -> None:
    world.registry.trouble = ZeroDivisionError()
    (world.folder / "cache" / "incoming-old").mkdir(parents=True)
    world.publish(factor=3)
    world.follower.start(0.01)
    try:
        wait_for(lambda: not (world.folder / "cache" / "incoming-old").exists())
        world.registry.trouble = None
        wait_for(lambda: world.served == ["1"])
    finally:
        world.follower.stop()


def test_every_result_is_counted_from_zero_before_the_first_look(tmp_path: Path) -> None:
    Follower(
        FakeRegistry(),
        ModelCache(tmp_path, family="logreg"),
        model="vigie-unseen",
        alias="champion",
        open_model=partial(open_model, TinyPredictor, now=MADE_AT),
        serve=lambda model: None,
    )
    labels = [{"model": "vigie-unseen", "result": each} for each in ("ok", "rejected", "unavailable", "error")]
    assert [REGISTRY.get_sample_value("vigie_reload_total", each) for each in labels] == [0, 0, 0, 0]
