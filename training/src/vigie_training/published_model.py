"""What MLflow stores as the model's code: it reads the sealed artefact, so that nothing is pickled."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from vigie.artifacts import MANIFEST, Manifest, verify


class PublishedModel(PythonModel):
    """A data frame with a column `text` (or a dictionary with it) in, an array with P(negative) out."""

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
        """P(negative), `float32`, for each row of a data frame with the column `text`; NaN where that is null."""
        texts = pd.Series(model_input["text"], dtype=object).explode()  # MLflow makes one row of {"text": ["…", "…"]}
        said, known = np.full(len(texts), np.nan, np.float32), texts.notna().to_numpy()
        if known.any():
            said[known] = self._fitted.predict(texts[known].tolist())
        return said


mlflow.models.set_model(PublishedModel())
