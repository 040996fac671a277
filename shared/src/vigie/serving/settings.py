"""What every predictor is told by its environment; a family may subclass it to change a default."""

import os
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from vigie.catalogue import CHALLENGER, CHAMPION, SHADOW
from vigie.serving.models import SLOWEST_SECONDS
from vigie.settings import NEEDS_PASSWORD, Seconds, TracedSettings, has_password, is_http
from vigie.trials import TrialAlias


def _on_trial_unless_told() -> tuple[TrialAlias, ...]:
    """Both; none for a variable that is empty, which elsewhere is like one that is not set."""
    return () if "TRIAL_ALIASES" in os.environ else (CHALLENGER, SHADOW)


class PredictorSettings(TracedSettings):
    """Variables of a predictor; see its README's table. Its port is `vigie.settings.family_port`.

    `predictor_batch_size` and `predictor_queue_limit` count texts. More than one of `predictor_batches_at_once` is for
    families whose batches keep the threads of `vigie.graphs` busy for long: none of these waits for the last one.
    """

    mlflow_tracking_uri: str = "http://127.0.0.1:5000"
    model_alias: str = CHAMPION
    trial_aliases: Annotated[tuple[TrialAlias, ...], NoDecode] = Field(default_factory=_on_trial_unless_told)
    model_poll_seconds: Seconds = 10.0
    model_slowest_seconds: Seconds = SLOWEST_SECONDS
    predictor_batch_size: int = Field(256, gt=0)
    predictor_batches_at_once: int = Field(1, gt=0, le=8)
    predictor_queue_limit: int = Field(4096, gt=0)
    predictor_timeout_seconds: Seconds = 10.0

    @field_validator("trial_aliases", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(name.strip() for name in names if name.strip())

    @field_validator("mlflow_tracking_uri")
    @classmethod
    def _check_uri(cls, value: str) -> str:
        if not is_http(value):
            raise ValueError("expected the URL of a tracking server, http://host:port")
        return value

    def weak_secrets(self) -> list[tuple[str, str]]:
        """Production also needs a log-in at the registry."""
        weak = [] if has_password(self.mlflow_tracking_uri) else [("MLFLOW_TRACKING_URI", NEEDS_PASSWORD)]
        return super().weak_secrets() + weak
