"""The rows that somebody named: files, folders, and what lies beside the models in the registry's artefact store."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from vigie_training.data import read
from vigie_training.errors import TrainingError
from vigie_training.known import Labels
from vigie_training.rows import Rows
from vigie_training.settings import TrainingSettings

STORED = "mlflow-artifacts:/"


def read_given(data: str, labels: Labels = "auto", on_file: Callable[[str], None] = lambda _: None) -> Rows:
    """The rows of `data`, comma-separated; what starts with `mlflow-artifacts:/` is fetched through the server first.

    Without `data`: of `TRAINING_DATA`; without that too: the sample rows. Raises as `vigie_training.data.read` does.
    """
    settings = TrainingSettings.read()
    places = [place.strip() for place in (data or settings.training_data).split(",") if place.strip()]
    if not any(place.startswith(STORED) for place in places):
        return read([Path(place) for place in places], labels, on_file)
    settings.vigie_home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.vigie_home, prefix="rows-") as name:
        return read([_local(place, Path(name) / str(number)) for number, place in enumerate(places)], labels, on_file)


def _local(place: str, folder: Path) -> Path:
    if not place.startswith(STORED):
        return Path(place)
    folder.mkdir()
    try:
        return Path(download_artifacts(artifact_uri=place, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise TrainingError(f"{place}: expected a file or a folder in the artefact store: {error}") from error
