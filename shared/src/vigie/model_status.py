"""What is said of the models that serve, in short."""

from datetime import datetime

from pydantic import Field

from vigie.schemas import Message
from vigie.trials import TrialReport


class Rejection(Message):
    """A version that the alias names and that must not be served, and why."""

    version: str
    reason: str


class ModelStatus(Message):
    """One row of `GET /models`; since `stale_since` what serves may not be what the alias names.

    `problem` says why it is not `ready`; `trials` are the versions on trial beside it, and how they compare.
    """

    name: str
    title: str
    ready: bool
    problem: str | None = None
    version: str | None = None
    loaded_at: datetime | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    stale_since: datetime | None = None
    rejected: Rejection | None = None
    trials: list[TrialReport] = Field(default_factory=list)


class ModelList(Message):
    """`GET /models`."""

    default: str
    models: list[ModelStatus]
