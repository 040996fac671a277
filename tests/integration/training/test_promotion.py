"""Moves of the champion at the same time, against a real MLflow server."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from time import time
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from tests.integration.training.conftest import mlflow_as_it_was
from vigie.catalogue import CHALLENGER, SHADOW, Family
from vigie_training import ledger, promotion
from vigie_training.errors import Refused
from vigie_training.gate import Verdict
from vigie_training.model_registry import FEEDBACK_TAG, HOLDER, ModelRegistry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR_SECONDS = 3600


@pytest.fixture
def client(mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """Talks to the session's server, as the code under test does."""
    with mlflow_as_it_was():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
        mlflow.set_tracking_uri(mlflow_url)
        mlflow.set_registry_uri(mlflow_url)
        yield MlflowClient(mlflow_url, mlflow_url)


@pytest.fixture
def registry(client: MlflowClient, request: pytest.FixtureRequest) -> ModelRegistry:
    """A family of the test's own, with versions 1 to 4 of which the first serves."""
    family = Family(request.node.name[:30].replace("_", "-"), "for a test", 1)
    client.create_registered_model(family.registered_model)
    model = client.create_logged_model(experiment_id="0", name="empty").model_id
    for _ in range(4):
        client.create_model_version(family.registered_model, source=f"models:/{model}", model_id=model)
    made = ModelRegistry(family)
    promotion.promote(made, "1", verdict(None), who="ada", at=NOON)
    return made


def verdict(champion: str | None) -> Verdict:
    return Verdict(passed=True, champion=champion, reasons=[])


def test_of_several_promotions_at_once_one_wins_and_the_ledger_is_a_chain(registry: ModelRegistry) -> None:
    together = Barrier(3)

    def promote(number: str) -> str:
        together.wait()
        try:
            return str(promotion.promote(registry, number, verdict("1"), who="ada", at=NOON))
        except Refused as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        answers = sorted(pool.map(promote, ["2", "3", "4"]))
    assert answers[0] == "True"
    assert all("the champion changed while version" in answer for answer in answers[1:])
    history = ledger.read(registry)
    assert [entry.before for entry in history] == [None, "1"]
    assert registry.champion() == history[-1].to
    passed = {version.number for version in registry.versions() if promotion.VERDICT_TAG in version.tags}
    assert passed == {"1", history[-1].to}


def test_a_lock_that_is_given_back_while_mlflow_looks_for_it_is_tried_again(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = MlflowClient.create_registered_model
    answers = [MlflowException("Registered Model not found", RESOURCE_DOES_NOT_EXIST)]

    def create(client: MlflowClient, *told: Any) -> RegisteredModel:
        if answers:
            raise answers.pop()
        return asked(client, *told)

    monkeypatch.setattr(MlflowClient, "create_registered_model", create)
    assert promotion.promote(registry, "2", verdict("1"), who="ada", at=NOON)
    assert registry.champion() == "2"


def test_forced_moves_at_once_leave_a_chain_too(registry: ModelRegistry) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: promotion.force(registry, number, why="a drill", who="ada", at=NOON), "234"))
    history = ledger.read(registry)
    assert [entry.before for entry in history[1:]] == [entry.to for entry in history[:-1]]
    assert registry.champion() == history[-1].to
    assert all(entry.forced for entry in history[1:])


def test_a_lock_that_a_dead_process_left_behind_is_broken(
    registry: ModelRegistry, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_registered_model(f"{registry.name}.moving")
    monkeypatch.setattr("vigie_training.model_registry.time", lambda: time() + HOUR_SECONDS)
    assert promotion.promote(registry, "2", verdict("1"), who="ada", at=NOON)


def test_a_holder_that_took_too_long_moves_nothing_and_leaves_the_next_ones_lock(
    registry: ModelRegistry, client: MlflowClient
) -> None:
    lock = f"{registry.name}.moving"
    with registry.moving() as check:
        check()
        client.delete_registered_model(lock)
        client.create_registered_model(lock, {HOLDER: "somebody else"})
        with pytest.raises(Refused, match="this move took too long"):
            check()
    assert client.get_registered_model(lock).tags[HOLDER] == "somebody else"
    client.delete_registered_model(lock)


def test_the_verdict_is_tagged_with_its_numbers(registry: ModelRegistry) -> None:
    said = verdict("1").model_copy(update={"metrics": {"accuracy": 0.8}, "p_values": {"all": 0.3}})
    promotion.promote(registry, "2", said, who="ada", at=NOON)
    tags = registry.version("2").tags
    assert tags[promotion.VERDICT_TAG] == "passed against version 1"
    kept = Verdict.model_validate({"passed": True, "reasons": []} | json.loads(tags[promotion.NUMBERS_TAG]))
    assert kept == said


def test_what_was_on_trial_and_wins_is_so_no_longer(registry: ModelRegistry) -> None:
    registry.try_out("3", CHALLENGER)
    registry.try_out("3", SHADOW)
    newest = registry.newest()
    assert newest
    assert newest.number == "3", "made later than the champion"
    promotion.promote(registry, "2", verdict("1"), who="ada", at=NOON)
    assert registry.version("3").aliases == ("challenger", "shadow")
    promotion.promote(registry, "3", verdict("2"), who="ada", at=NOON)
    assert registry.version("3").aliases == ("champion",)


def test_a_lock_that_is_held_is_respected(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vigie_training.model_registry.LOCK_SECONDS", 60.0)
    ticks = iter([0.0, 1.0, 200.0, 300.0])
    with registry.moving():
        monkeypatch.setattr("vigie_training.model_registry.monotonic", lambda: next(ticks))
        with pytest.raises(Refused, match="another move of the champion is under way"):
            promotion.promote(registry, "2", verdict("1"), who="ada", at=NOON)
    assert registry.champion() == "1"


def test_the_champion_is_no_challenger_and_ends_no_trial(registry: ModelRegistry) -> None:
    registry.try_out("3", CHALLENGER)
    with pytest.raises(Refused, match="to put on trial beside the champion, got the champion itself"):
        registry.try_out("1", CHALLENGER)
    assert registry.version("3").aliases == ("challenger",)


def test_a_rollback_passes_over_versions_that_were_deleted(registry: ModelRegistry, client: MlflowClient) -> None:
    for number, before in (("2", "1"), ("3", "2"), ("4", "3")):
        promotion.promote(registry, number, verdict(before), who="ada", at=NOON)
    for number in ("2", "3"):
        client.delete_model_version(registry.name, number)
    assert promotion.rollback(registry, why="a drill", who="ada", at=NOON) == "1"
    assert registry.champion() == "1"
    assert ledger.read(registry)[-1].why == "passed over, since deleted: version 3, 2; a drill"
    promotion.promote(registry, "4", verdict("1"), who="ada", at=NOON)
    client.delete_model_version(registry.name, "1")
    with pytest.raises(Refused, match="nothing that is still there served before version 4"):
        promotion.rollback(registry, why="a drill", who="ada", at=NOON)


def test_the_ledger_keeps_the_verdict_beside_the_reason(registry: ModelRegistry) -> None:
    refused = Verdict(passed=False, champion="1", reasons=["worse than version 1 on all"])
    assert not promotion.promote(registry, "2", refused, who="ada", at=NOON)
    promotion.force(registry, "2", why="a drill", who="ada", at=NOON)
    promotion.promote(registry, "3", verdict("2"), who="bob", at=NOON, why="the drill is over")
    assert [(entry.to, entry.forced, entry.why, entry.verdict) for entry in ledger.read(registry)[-2:]] == [
        ("2", True, "a drill", "worse than version 1 on all"),
        ("3", False, "the drill is over", "passed against version 2"),
    ]
    tags = registry.version("2").tags
    assert (tags[promotion.VERDICT_TAG], tags[promotion.FORCED_TAG]) == ("worse than version 1 on all", "a drill")


def test_what_learnt_from_votes_and_was_refused_is_not_trained_again(registry: ModelRegistry) -> None:
    registry.tag_version("4", FEEDBACK_TAG, "300")
    newest = registry.newest()
    assert newest
    assert newest.number == "4"
