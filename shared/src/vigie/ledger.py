"""Every move of a family's champion, as training writes it and predictors tell it.

Entries are tags `vigie.ledger.<number>` of the registered model: they live and are backed up with the alias that they
speak of, need no second store, and any MLflow client can read them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "vigie.ledger."


class Entry(BaseModel):
    """One move. `before` and `to` are version numbers; `forced` means that the gate was overruled, whose `verdict` it
    was all the same.

    `metrics` and `metrics_before` are those of both versions on the same held-out rows, empty where none were measured.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    at: datetime
    who: str
    kind: Literal["promote", "rollback"]
    before: str | None = Field(alias="from")
    to: str
    why: str
    forced: bool = False
    verdict: str = ""
    metrics: dict[str, float] = {}
    metrics_before: dict[str, float] = {}


def entries(tags: Mapping[str, str]) -> list[Entry]:
    """All entries among the tags of a registered model, oldest first."""
    return [Entry.model_validate_json(tags[key]) for key in sorted(tags) if key.startswith(PREFIX)]
