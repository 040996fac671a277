"""Starters, against a plain SQLite file: what does not come to serve is not registered."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.support.rows import made_up
from vigie.artifacts import golden_rows, seal, verify
from vigie.catalogue import find_family
from vigie_training import promotion, starter, training
from vigie_training.errors import TrainingError
from vigie_training.gate import Limits
from vigie_training.model_registry import FEEDBACK_TAG, ModelRegistry
from vigie_training.recipes import Options
from vigie_training.tracking import EXPERIMENT, connect

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]
FAMILY, SHIPPED = find_family("logreg"), starter.STARTERS / "logreg"
LIMITS = Limits(500, 1000, 1)


@pytest.fixture
def registry(at_file: str) -> Iterator[ModelRegistry]:
    """Empty, as for a new system."""
    connect(at_file)
    yield ModelRegistry(FAMILY)
    client = MlflowClient(at_file, at_file)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)


def test_a_starter_that_the_gate_refuses_is_not_registered(
    registry: ModelRegistry, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingError, match="logreg: the starter did not pass the gate: size: expected at most 0 MiB"):
        starter.register_starter(uri, FAMILY, SHIPPED, who="ada", limits=LIMITS._replace(size_mib=0))
    assert not registry.exists()
    with pytest.raises(TrainingError, match="the first model did not pass the gate: size"):
        first_of_none_shipped(uri, LIMITS._replace(size_mib=0), monkeypatch)
    assert not registry.versions()


def test_of_two_starters_at_once_one_serves_and_the_other_is_not_registered(
    registry: ModelRegistry, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "judge_folder", overtaken(registry))
    assert starter.register_starter(uri, FAMILY, SHIPPED, who="ada", limits=LIMITS) == "1"
    assert [(version.number, version.aliases) for version in registry.versions()] == [("1", ("champion",))]
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    (last, *_) = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    assert last.info.status == "FINISHED"


def test_a_first_model_that_another_was_quicker_than_gives_way(
    registry: ModelRegistry, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(registry, "1")  # nothing passes beside a champion that cannot be compared with
    assert first_of_none_shipped(uri, LIMITS, monkeypatch) == "1"
    assert [version.number for version in registry.versions()] == ["1"]


def test_a_version_is_registered_with_its_verdict_in_one_step(
    registry: ModelRegistry, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed right afterwards leaves a version that was judged."""
    registered = list[dict[str, str]]()
    add = ModelRegistry.add_version

    def add_version(
        self: ModelRegistry, model_uri: str, run_id: str, model_id: str | None, tags: dict[str, str]
    ) -> str:
        registered.append(tags)
        return add(self, model_uri, run_id, model_id, tags)

    monkeypatch.setattr(ModelRegistry, "add_version", add_version)
    first = training.train(uri, job(), lambda _: None)
    second = training.train(uri, job(challenger=True), lambda _: None)
    assert [tags[promotion.VERDICT_TAG] for tags in registered] == ["passed", "passed against version 1"]
    assert all(promotion.NUMBERS_TAG in tags for tags in registered)
    assert (first.promoted, second.promoted) == (True, False)


@pytest.mark.parametrize(
    "registering",
    [
        lambda uri: training.train(uri, job(), lambda _: None),
        lambda uri: starter.register_starter(uri, FAMILY, SHIPPED, who="ada", limits=LIMITS),
    ],
    ids=["training", "starter"],
)
def test_what_is_told_to_stop_while_it_registers_has_registered_nothing(
    registry: ModelRegistry, uri: str, monkeypatch: pytest.MonkeyPatch, registering: Callable[[str], object]
) -> None:
    add = ModelRegistry.add_version

    def stopped(*args: Any) -> str:
        add(*args)
        raise SystemExit(143)

    monkeypatch.setattr(ModelRegistry, "add_version", stopped)
    with pytest.raises(SystemExit):
        registering(uri)
    assert registry.exists()
    assert not registry.versions()


def test_an_artefact_that_is_saved_where_one_was_takes_its_place(
    registry: ModelRegistry, uri: str, tmp_path: Path
) -> None:
    saved = tmp_path / FAMILY.name
    training.train(uri, job(save_to=tmp_path), lambda _: None)
    before = verify(saved, family=FAMILY.name)
    (saved / "saved_model").mkdir()
    for name in ("temperatures.json", "saved_model/saved_model.pb"):  # as of another kind of rows or encoder
        (saved / name).touch()
    golden, made_at = golden_rows(saved), before.created_at
    seal(saved, family=FAMILY.name, created_at=made_at, golden=golden, libraries={}, metrics={})
    training.train(uri, job(save_to=tmp_path), lambda _: None)
    assert verify(saved, family=FAMILY.name).created_at > before.created_at
    assert [each.name for each in tmp_path.iterdir()] == [FAMILY.name]


def test_what_was_retrained_without_votes_and_refused_is_not_trained_again(registry: ModelRegistry, uri: str) -> None:
    training.train(uri, job(), lambda _: None)
    refused = training.train(uri, job(LIMITS._replace(size_mib=0), challenger=True), lambda _: None)
    training.train(uri, job(LIMITS._replace(size_mib=0)), lambda _: None)
    newest = registry.newest()
    assert newest
    assert (newest.number, newest.tags[FEEDBACK_TAG]) == (refused.version, "0"), "what `run` made does not count"


def job(limits: Limits = LIMITS, *, save_to: Path | None = None, challenger: bool = False) -> training.Job:
    return training.Job(FAMILY, made_up(300), Options(seed=1, quick=True), "ada", limits, save_to, challenger)


def register(registry: ModelRegistry, number: str) -> None:
    """Somebody else's version, which serves."""
    client = MlflowClient()
    client.create_registered_model(registry.name)
    model = client.create_logged_model(experiment_id="0", name="empty").model_id
    client.create_model_version(registry.name, source=f"models:/{model}", model_id=model)
    registry.set_champion(number)


def overtaken(registry: ModelRegistry) -> Any:
    """Judges, and then somebody else is quicker."""

    def judged(*args: Any, **named: Any) -> Any:
        found = training.judge_folder(*args, **named)
        register(registry, "1")
        return found

    return judged


def first_of_none_shipped(uri: str, limits: Limits, patch: pytest.MonkeyPatch) -> str:
    with patch.context() as patched:
        patched.setattr(starter, "STARTERS", Path("nowhere"))
        options = Options(seed=1, quick=True)
        return starter.first_version(uri, FAMILY, options, who="ada", limits=limits, report=lambda _: None)
