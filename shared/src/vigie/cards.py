"""What is known of a model besides its answers: how it did on held-out rows, what it cost, how it came to serve."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from vigie.ledger import Entry

HELD_OUT = "held_out.json"


class CalibrationBin(BaseModel):
    """Tweets whose probability of positive was alike: its mean as `said`, the share that is, as `true`."""

    model_config = ConfigDict(frozen=True)

    said: float
    true: float
    rows: int


class HeldOut(BaseModel):
    """What a model said of rows that nothing was fitted on, as drawn in its card.

    `confusion[label][answer]` counts rows, 0 is negative. `roc` holds shares from 0 to 1: of negative rows called
    positive, of positive rows called positive; empty when the rows have one label only.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    confusion: tuple[tuple[int, int], tuple[int, int]]
    roc: list[tuple[float, float]]
    calibration: list[CalibrationBin]


class ModelCard(BaseModel):
    """`GET /models/{name}/card`: the version that serves. `libraries` wrote its artefact.

    `held_out` is null for an artefact that has none, `promotion` when the registry does not say.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    version: str
    created_at: datetime
    libraries: dict[str, str]
    metrics: dict[str, float]
    held_out: HeldOut | None = None
    promotion: Entry | None = None
