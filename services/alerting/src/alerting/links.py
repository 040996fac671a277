"""Links in mails: to other parts of the system, and signed ones that let whoever got the mail act without a key.

A token is `base64url(JSON).base64url(MAC)`, MAC = keyed BLAKE2b (RFC 7693). Opening its page does nothing: programs
that scan mails open links too.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from pydantic import ValidationError

from vigie.durations import DAY_MS
from vigie.errors import NotFound
from vigie.schemas import Message

VALID_MS = 7 * DAY_MS
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sites:
    """Where links lead; an empty one is left out."""

    gateway: str = ""
    mlflow: str = ""
    ui: str = ""


class Action(Message):
    """What a signed link may do until `until_ms`: silence a scope of a rule for `hours`, or call an alert false."""

    kind: Literal["silence", "false-alarm"]
    alert_key: str
    scope: str
    rule: str
    hours: int = 0
    until_ms: int


class ActionBook:
    """Signs and reads actions under one 32-byte key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, action: Action) -> str:
        """A token; the same action always has the same one."""
        body = base64.urlsafe_b64encode(action.model_dump_json().encode()).rstrip(b"=")
        return f"{body.decode()}.{self._mac(body)}"

    def read(self, token: str, now_ms: int) -> Action:
        """The action behind a token; raises `NotFound` for one that was not signed here or is too old."""
        body, _, mac = token.partition(".")
        if not (token.isascii() and hmac.compare_digest(mac, self._mac(body.encode()))):
            raise NotFound("this link was not made here", code="unknown_link")
        try:
            action = Action.model_validate_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValidationError) as error:
            raise NotFound("this link cannot be read", code="unknown_link") from error
        if now_ms > action.until_ms:
            raise NotFound("this link is older than a week", code="link_too_old")
        return action

    def _mac(self, body: bytes) -> str:
        digest = blake2b(body, digest_size=_MAC_BYTES, key=self._key, person=b"vigie-action").digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
