"""What MLflow stores as the model's code: it reads the sealed artefact, so that nothing is pickled."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from vigie.artifacts import MANIFEST, Manifest, verify


class PublishedModel(PythonModel):
    """A data frame with a column `text` in, an array with P(negative) out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Verifies and loads the artefact with the recipe of its family."""
        from vigie_training.recipes import find_recipe  # noqa: PLC0415 (only where the training package is installed)

        folder = Path(context.artifacts["vigie"])
        family = Manifest.model_validate_json((folder / MANIFEST).read_bytes()).family
        verify(folder, family=family)
        self._fitted = find_recipe(family).load(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> Any:
        """P(negative), `float32`, for each row of a data frame with the column `text`."""
        return self._fitted.predict(model_input["text"].tolist())


mlflow.models.set_model(PublishedModel())
