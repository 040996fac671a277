"""Whether a new training is due."""

from datetime import datetime
from typing import NamedTuple

from vigie_training.model_registry import FEEDBACK_TAG, RegisteredVersion


class Thresholds(NamedTuple):
    """A training is due with so many labels more than the newest version learnt from, or when it is so old."""

    labels: int
    days: float


def reasons(newest: RegisteredVersion | None, labels: int, thresholds: Thresholds, *, now: datetime) -> list[str]:
    """Why a training is due, in words; empty when it is not. `labels` is how many qualify now.

    `newest` is the champion, or one made later: what waits to be promoted, or was refused, is not trained again each
    time that the job runs.
    """
    if newest is None:
        return ["no version serves yet"]
    found = []
    new = labels - int(newest.tags.get(FEEDBACK_TAG, "0"))
    if new >= thresholds.labels:
        found.append(f"{new} labels more than version {newest.number} learnt from (due from {thresholds.labels})")
    age = (now - newest.created_at).total_seconds() / 86_400
    if age >= thresholds.days:
        found.append(f"version {newest.number} is {age:.0f} days old (due from {thresholds.days:g})")
    return found
