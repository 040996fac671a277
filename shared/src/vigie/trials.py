"""The messages of versions on trial: what they said beside the champion, how both did, why one was stopped.

Part of `vigie.schemas`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from vigie.schemas import Message

TrialAlias = Literal["challenger", "shadow"]


class TrialEvent(Message):
    """What a version on trial said of a text beside the champion of its family. Times are Unix milliseconds.

    `prediction_id` is that of the answer: the champion's, or the version's own when it `answered` the client. Without
    a `probability_negative` it failed where the champion did not, and `failure` says how.
    """

    prediction_id: str
    model: str
    alias: TrialAlias
    version: str
    probability_negative: float | None = None
    failure: str | None = None
    answered: bool = False
    champion: str
    champion_negative: float
    created_ms: int


class StopReason(StrEnum):
    """Why a challenger gets no more tweets."""

    ERRS = "errs"
    VOTED_DOWN = "voted_down"


class TrialStop(Message):
    """A challenger that was stopped; it stays so."""

    model: str
    version: str
    at: datetime
    reason: StopReason
    detail: str


class Record(Message):
    """How one side did: tweets it answered to clients, those people voted on, those they reported wrong.

    `right` is how often it was right of the tweets that both sides answered and people voted on.
    """

    version: str
    answered: int = 0
    voted: int = 0
    errors: int = 0
    right: int = 0


class TrialReport(Message):
    """A version on trial beside the champion, over the last day at most.

    Of `compared` tweets both said the same `agreed` times; `judged` of them were voted on. `failed` counts the tweets
    that only the champion could answer. `kept_out` tells of a version that the alias names and that must not serve.
    """

    model: str
    alias: TrialAlias
    trial: Record
    champion: Record
    since: datetime | None = None
    compared: int = 0
    agreed: int = 0
    judged: int = 0
    failed: int = 0
    stopped: TrialStop | None = None
    kept_out: str | None = None


class TrialList(Message):
    """Every version that is or was on trial in the last day, and every challenger that was ever stopped."""

    items: list[TrialReport]
    stopped: list[TrialStop]
