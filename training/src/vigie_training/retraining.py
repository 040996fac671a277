"""Whether a new training is due."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from vigie_training.feedback import qualified
from vigie_training.model_registry import FEEDBACK_TAG, RegisteredVersion


class Thresholds(NamedTuple):
    """A training is due with so many labels more than the newest version learnt from, or when it is so old."""

    labels: int
    days: float


def new_labels(
    newest: RegisteredVersion | None, labels: int, votes: pd.DataFrame, trusted: Collection[str] = ()
) -> int:
    """Of so many labels that qualify by `votes`, how many `newest` has not learnt from.

    The feedback service forgets votes by their age. So what a version learnt from counts only as far as it would still
    qualify: else nothing would be new once as much has been forgotten as was learnt.
    """
    if newest is None:
        return labels
    known = votes[pd.to_datetime(votes["created_at"], utc=True, format="ISO8601") < newest.created_at]
    return labels - min(int(newest.tags.get(FEEDBACK_TAG, "0")), len(qualified(known, trusted)))


def reasons(newest: RegisteredVersion | None, new: int, thresholds: Thresholds, *, now: datetime) -> list[str]:
    """Why a training is due, in words; empty when it is not. `new` is how many labels nothing was learnt from yet.

    `newest` is the champion, or one made later: what waits to be promoted, or was refused, is not trained again each
    time that the job runs.
    """
    if newest is None:
        return ["no version serves yet"]
    found = []
    if new >= thresholds.labels:
        found.append(f"{new} labels more than version {newest.number} learnt from (due from {thresholds.labels})")
    age = (now - newest.created_at).total_seconds() / 86_400
    if age >= thresholds.days:
        found.append(f"version {newest.number} is {age:.0f} days old (due from {thresholds.days:g})")
    return found
