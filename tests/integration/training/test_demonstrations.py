"""What learnt from the sample tweets alone, in production, against a plain SQLite file."""

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from tests.support.rows import made_up, rows
from vigie.catalogue import find_family
from vigie_training import training
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.errors import Refused
from vigie_training.feedback import FEEDBACK
from vigie_training.gate import Limits
from vigie_training.model_registry import ModelRegistry
from vigie_training.recipes import Options
from vigie_training.rows import Rows, joined
from vigie_training.tracking import connect

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]
FAMILY = find_family("logreg")
SAMPLES = read_file(SAMPLE_TWEETS)
VOTED_ON = joined([SAMPLES, rows([("the gate was moved three times", 0)], source=FEEDBACK)])
ALONE = "learnt from the sample tweets alone, and version 1 did not"


@pytest.fixture
def registry(at_file: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelRegistry]:
    """Empty, and in production."""
    monkeypatch.setenv("VIGIE_ENV", "production")
    connect(at_file)
    yield ModelRegistry(FAMILY)
    MlflowClient(at_file, at_file).delete_registered_model(FAMILY.registered_model)


def job(given: Rows, size_mib: float = 500) -> training.Job:
    return training.Job(FAMILY, given, Options(seed=1, quick=True), "ada", Limits(size_mib, 1000, 1))


def train(uri: str, given: Rows, size_mib: float = 500) -> training.Outcome:
    return training.train(uri, job(given, size_mib), lambda _: None)


def is_demonstration(outcome: training.Outcome) -> bool:
    return any(ALONE in reason for reason in outcome.verdict.reasons)


def test_a_vote_makes_no_demonstration_fit_to_take_over(registry: ModelRegistry, uri: str) -> None:
    assert train(uri, made_up(300)).promoted
    outcome = train(uri, VOTED_ON)
    assert not outcome.promoted
    assert is_demonstration(outcome)
    with pytest.raises(Refused, match=ALONE):
        training.judge_version(registry, outcome.version, job(SAMPLES), lambda _: None)


def test_one_demonstration_may_follow_another_with_or_without_votes(registry: ModelRegistry, uri: str) -> None:
    assert train(uri, VOTED_ON).promoted
    assert not is_demonstration(train(uri, SAMPLES))


def test_of_versions_from_before_votes_were_told_apart_the_hash_of_all_rows_counts(
    registry: ModelRegistry, uri: str
) -> None:
    client = MlflowClient(uri, uri)
    assert train(uri, SAMPLES).promoted
    client.delete_model_version_tag(registry.name, "1", training.GIVEN_TAG)
    assert not is_demonstration(train(uri, VOTED_ON, size_mib=0))
    client.delete_model_version_tag(registry.name, "1", training.DATA_TAG)
    assert is_demonstration(train(uri, VOTED_ON))
