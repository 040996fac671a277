"""A predictor of every family of the catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.predictors import PredictorUnderTest
from tests.support.servers import MlflowServer
from vigie.catalogue import FAMILIES, Family


@pytest.fixture(scope="session", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    """Every family."""
    found: Family = request.param
    return found


@pytest.fixture
def stopped(family: Family, tmp_path: Path, mlflow_server: MlflowServer) -> Iterator[PredictorUnderTest]:
    """A predictor that was not started yet."""
    predictor = PredictorUnderTest(family, tmp_path / "home", mlflow_server.url)
    yield predictor
    predictor.stop()


@pytest.fixture
def predictor(stopped: PredictorUnderTest) -> PredictorUnderTest:
    """A predictor that serves a version of its own."""
    return serving(stopped)


@pytest.fixture(scope="module")
def steady(
    family: Family, tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer
) -> Iterator[PredictorUnderTest]:
    """One for a whole module, whose tests only ask."""
    predictor = PredictorUnderTest(family, tmp_path_factory.mktemp("steady"), mlflow_server.url)
    yield serving(predictor)
    predictor.stop()


def serving(predictor: PredictorUnderTest) -> PredictorUnderTest:
    """Publishes a version and starts the predictor on it."""
    number = predictor.publish()
    predictor.start()
    predictor.wait(lambda: predictor.serves(number))
    return predictor
