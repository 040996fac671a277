"""Every family as MLflow sees it: a model with a signature that says what the predictor says."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from tests.contract.families import WRITERS
from tests.integration.training.conftest import mlflow_as_it_was
from tests.support.logreg import NEGATIVE, POSITIVE
from tests.support.models import MADE_AT
from vigie.artifacts import seal
from vigie.catalogue import FAMILIES
from vigie.predictor import Predictor, Probabilities
from vigie_training.model_registry import ARTIFACT_FOLDER, ModelRegistry
from vigie_training.publishing import publish
from vigie_training.settings import workers_use_this_python
from vigie_training.tracking import tracked

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("default")]

TEXTS = [*NEGATIVE, *POSITIVE, "what a day @delta http://t.co/x", "\u2602\ufe0f", "late " * 300]
METRICS = {"accuracy": 0.75, "latency_ms": 1.5}


class Published(NamedTuple):
    """A version in the registry, and what the predictor of its family says of `TEXTS`."""

    uri: str
    number: str
    family: str
    said: Probabilities


@tracked
def register(run: mlflow.ActiveRun, folder: Path, family: str) -> str:
    (found,) = [each for each in FAMILIES if each.name == family]
    return publish(folder, found, run_id=run.info.run_id, tags={"family": family}, metrics=METRICS)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry in a file: MLflow's own commands and Spark's workers reach it as well."""
    return f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db"


@pytest.fixture(scope="module", params=[family.name for family in FAMILIES])
def published(
    request: pytest.FixtureRequest, uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    """A small artefact of every family, published as a training does."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp(name) / ARTIFACT_FOLDER
    folder.mkdir()
    golden = WRITERS[name](folder)
    seal(folder, family=name, created_at=MADE_AT, golden=golden, libraries={}, metrics=METRICS)
    with mlflow_as_it_was(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        number = register(uri, folder, name)
        yield Published(f"models:/vigie-{name}/{number}", number, name, predictor(name, folder).predict(TEXTS))


@pytest.fixture(scope="module")
def spark() -> Iterator["SparkSession"]:
    """Spark on this machine."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 (only here)

    workers_use_this_python()
    session = SparkSession.builder.master("local[1]").appName("vigie tests").getOrCreate()
    yield session
    session.stop()


def predictor(name: str, folder: Path) -> Predictor:
    """As its service loads it."""
    module = importlib.import_module(f"predictor_{name}.predictor")
    found: Predictor = getattr(module, f"{name.capitalize()}Predictor").load(folder)
    return found


def frame(texts: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"text": list(texts)})


def test_it_says_what_the_predictor_says_and_knows_its_signature(published: Published) -> None:
    logged = mlflow.pyfunc.load_model(published.uri)
    np.testing.assert_allclose(logged.predict(frame(TEXTS)), published.said, atol=1e-6)
    signature = logged.metadata.signature
    assert signature.inputs.input_names() == ["text"]
    assert signature.outputs.input_types()[0] == np.dtype(np.float32)
    example = logged.metadata.load_input_example(None)
    assert logged.predict(example).shape == (2,)


def test_a_row_without_text_has_no_answer_and_lists_are_rows(published: Published) -> None:
    logged = mlflow.pyfunc.load_model(published.uri)
    said = float(published.said[0])
    holes = pd.DataFrame({"text": [None, TEXTS[0], None]}, index=[7, 7, 8])
    np.testing.assert_allclose(logged.predict(holes), [np.nan, said, np.nan], atol=1e-6)
    assert np.isnan(logged.predict(pd.DataFrame({"text": [None]}))).tolist() == [True]
    for given in ({"text": TEXTS[:1]}, {"text": TEXTS[0]}, [{"text": TEXTS[0]}]):
        np.testing.assert_allclose(logged.predict(given), [said], atol=1e-6)
    np.testing.assert_allclose(logged.predict({"text": TEXTS[:3]}), published.said[:3], atol=1e-6)


def test_its_metrics_are_attached_to_the_logged_model(published: Published) -> None:
    registry = ModelRegistry(next(each for each in FAMILIES if each.name == published.family))
    version = MlflowClient().get_model_version(registry.name, published.number)
    model = MlflowClient().get_logged_model(str(version.source).removeprefix("models:/"))
    assert {metric.key: metric.value for metric in model.metrics or []} == METRICS


def test_mlflow_by_itself_predicts_the_same(published: Published, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps({"dataframe_records": [{"text": text} for text in TEXTS]}))
    command = ["models", "predict", "-m", published.uri, "-i", "in.json", "-o", "out.json", "--env-manager", "local"]
    told = os.environ | {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *command], check=False, cwd=tmp_path, env=told, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "out.json").read_text())["predictions"]
    np.testing.assert_allclose(found, published.said, atol=1e-6)


def test_spark_predicts_the_same(published: Published, spark: "SparkSession") -> None:
    predict = mlflow.pyfunc.spark_udf(spark, published.uri, result_type="float", env_manager="local")
    rows = spark.createDataFrame(list(enumerate(TEXTS)), ["id", "text"])
    found = rows.select("id", predict("text").alias("said")).orderBy("id").collect()
    np.testing.assert_allclose([row.said for row in found], published.said, atol=1e-6)
