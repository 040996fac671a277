"""What the training job reads from the environment."""

import getpass
import os
import sys
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from vigie.catalogue import FAMILIES
from vigie.settings import ServiceSettings


class TrainingSettings(ServiceSettings):
    """See `ServiceSettings`; the ports are where the local servers listen, the limits what the gate asks of a version;
    where to start from: `Options`.
    """

    mlflow_port: int = Field(5000, ge=0, le=65535)
    feedback_port: int = Field(8010, ge=0, le=65535)
    mlflow_tracking_uri: str
    models: Annotated[tuple[str, ...], NoDecode] = tuple(family.name for family in FAMILIES)
    training_data: str = ""
    registry_wait_seconds: float = 120.0
    gate_size_mib: float = Field(500.0, gt=0)
    gate_latency_ms: float = Field(100.0, gt=0)
    gate_calibration_error: float = Field(0.25, gt=0)
    vigie_actor: str = ""
    vigie_base_model: str = ""
    vigie_sentence_encoder: str = ""
    feedback_url: str
    trusted_annotators: Annotated[tuple[str, ...], NoDecode] = ()
    retrain_labels: int = 200
    retrain_days: float = 30.0

    @model_validator(mode="before")
    @classmethod
    def _local_servers(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Where nothing else is said. Default factories would do it too, but be errors themselves beside any other."""
        ports = {name: given.get(name, cls.model_fields[name].default) for name in ("mlflow_port", "feedback_port")}
        local = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        return {"mlflow_tracking_uri": local["mlflow_port"], "feedback_url": local["feedback_port"]} | given

    @field_validator("models", "trusted_annotators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        families = [family.name for family in FAMILIES]
        if not names or set(names) - set(families):
            raise ValueError(f"expected some of {', '.join(families)}")
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
