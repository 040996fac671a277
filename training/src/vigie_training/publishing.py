"""Logs an artefact folder as an MLflow model and registers it."""

from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from vigie.artifacts import digest
from vigie.catalogue import Family
from vigie_training.data import sample_texts
from vigie_training.model_registry import ARTIFACT_FOLDER, ModelRegistry
from vigie_training.recipes import find_recipe

_CODE = Path(__file__).with_name("published_model.py")
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, "text")]), outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,))])
)


def publish(folder: Path, family: Family, *, run_id: str, tags: dict[str, str], metrics: dict[str, float]) -> str:
    """Returns the number of the new version; the metrics are logged for the active run and for the model.

    `folder` is a sealed artefact named `vigie`.
    """
    if folder.name != ARTIFACT_FOLDER:
        raise ValueError(f"expected a folder named {ARTIFACT_FOLDER!r}, got {folder}")
    logged = mlflow.pyfunc.log_model(
        name=family.name,
        python_model=str(_CODE),
        artifacts={ARTIFACT_FOLDER: str(folder)},
        signature=SIGNATURE,
        input_example=pd.DataFrame({"text": sample_texts()[:2]}),
        pip_requirements=[
            f"{name}=={version(name)}" for name in ("vigie-training", *find_recipe(family.name).LIBRARIES)
        ],
    )
    mlflow.log_metrics(metrics, model_id=logged.model_id)
    all_tags = tags | {"digest": digest(folder), "run_id": run_id}
    return ModelRegistry(family).add_version(logged.model_uri, run_id, logged.model_id, all_tags)
