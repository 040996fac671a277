"""What the training job reads from the environment."""

import getpass
import os
import sys
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from vigie.catalogue import FAMILIES, find_family
from vigie.settings import ServiceSettings


class TrainingSettings(ServiceSettings):
    """See `ServiceSettings`; the ports are where the local servers listen, the limits what the gate asks of a version;
    where to start from: `Options`.
    """

    mlflow_port: int = Field(5000, ge=0, le=65535)
    feedback_port: int = Field(8010, ge=0, le=65535)
    mlflow_tracking_uri: str = Field(default_factory=lambda known: f"http://127.0.0.1:{known.get('mlflow_port')}")
    models: Annotated[tuple[str, ...], NoDecode] = tuple(family.name for family in FAMILIES)
    training_data: str = ""
    registry_wait_seconds: float = 120.0
    gate_size_mib: float = 500.0
    gate_latency_ms: float = 100.0
    gate_calibration_error: float = 0.25
    vigie_actor: str = ""
    vigie_base_model: str = ""
    vigie_sentence_encoder: str = ""
    feedback_url: str = Field(default_factory=lambda known: f"http://127.0.0.1:{known.get('feedback_port')}")
    trusted_annotators: Annotated[tuple[str, ...], NoDecode] = ()
    retrain_labels: int = 200
    retrain_days: float = 30.0

    @field_validator("models", "trusted_annotators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                find_family(name)
            except KeyError as error:
                raise ValueError(error.args[0]) from error
        return names

    def actor(self) -> str:
        """Who acts, for the ledger: `VIGIE_ACTOR`, else the user's name."""
        if self.vigie_actor:
            return self.vigie_actor
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return f"uid {os.getuid()}"


def workers_use_this_python() -> None:
    """Spark's workers on this machine start the interpreter that runs now, unless `PYSPARK_PYTHON` says otherwise."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def libraries_keep_quiet() -> None:
    """TensorFlow tells of the processor's instructions and the like on standard error, among what we have to say."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
