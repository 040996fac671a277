"""Versions in a real MLflow server, laid out as training lays them out."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.support.models import MADE_AT
from vigie.artifacts import GoldenRow, seal
from vigie.catalogue import CHAMPION, Family

Write = Callable[[Path], list[GoldenRow]]
Damage = Callable[[Path], object]


class Publisher:
    """Registers versions of one family under a server and moves its alias."""

    def __init__(self, url: str, family: Family) -> None:
        self._client = MlflowClient(url)
        self._family = family

    def publish(self, write: Write, *, damage: Damage | None = None, alias: str = CHAMPION) -> str:
        """Seals what `write` writes, damages it, registers it; the alias names it. Returns its number."""
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            artefact = Path(folder) / "artifacts" / "vigie"
            artefact.mkdir(parents=True)
            golden = write(artefact)
            seal(
                artefact,
                family=self._family.name,
                created_at=MADE_AT,
                golden=golden,
                libraries={},
                metrics={"auc": 0.9},
            )
            if damage:
                damage(artefact)
            number = self._register(Path(folder))
        self.name(number, alias)
        return number

    def name(self, number: str, alias: str = CHAMPION) -> None:
        """Moves the alias."""
        self._client.set_registered_model_alias(self._family.registered_model, alias, number)

    def _register(self, folder: Path) -> str:
        client, name = self._client, self._family.registered_model
        model = client.create_logged_model(experiment_id="0", name=self._family.name)
        client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")
        try:
            client.create_registered_model(name)
        except MlflowException:
            client.get_registered_model(name)
        version = client.create_model_version(name, source=f"models:/{model.model_id}", model_id=model.model_id)
        return str(version.version)
