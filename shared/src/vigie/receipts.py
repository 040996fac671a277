"""Prediction ids that are signed receipts: what was answered, when, by which version, for which text.

A feedback can so be tied to its prediction even when the log entry is late or was lost. The layout is
`kind (1) | created_ms (6) | nonce (6) | probability_negative (float32, 4) | text digest (8) | family | version |
MAC (12)`, strings preceded by their length in one byte, MAC = keyed BLAKE2b (RFC 7693), all in unpadded base64url.
"""

import base64
import binascii
import hmac
import os
import struct
from dataclasses import dataclass
from hashlib import blake2b

from vigie.errors import NotFound

_KIND = 1
_HEAD = struct.Struct(">BHI6sf8s")
_MAC_BYTES = 12
_NONCE_BYTES = 6
_NONCES_DRAWN = 512


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a prediction id says. `created_ms` is Unix time in milliseconds; `text_digest` is 8 bytes."""

    model: str
    version: str
    probability_negative: float
    created_ms: int
    text_digest: bytes

    @property
    def label(self) -> int:
        """0 negative, 1 positive, as answered."""
        return label_of(self.probability_negative)


def label_of(probability_negative: float) -> int:
    """0 (negative) from one half upwards, else 1 (positive)."""
    return 0 if probability_negative >= 0.5 else 1


class ReceiptBook:
    """Issues and reads receipts under one 32-byte key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._nonces: list[bytes] = []

    def digest(self, text: str) -> bytes:
        """8 bytes that identify the text under this key."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()

    def issue(self, text: str, *, model: str, version: str, probability_negative: float, created_ms: int) -> str:
        """A fresh prediction id; two calls with the same arguments give two ids."""
        head = _HEAD.pack(
            _KIND,
            created_ms >> 32,
            created_ms & 0xFFFFFFFF,
            self._nonce(),
            probability_negative,
            self.digest(text),
        )
        body = head + _prefixed(model) + _prefixed(version)
        return base64.urlsafe_b64encode(body + self._mac(body)).rstrip(b"=").decode()

    def read(self, prediction_id: str) -> Receipt:
        """The receipt behind an id; raises `NotFound` for anything this key has not signed."""
        try:
            raw = base64.b64decode(prediction_id + "=" * (-len(prediction_id) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _unknown(prediction_id) from None
        canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        signed = hmac.compare_digest(mac, self._mac(body)) and canonical == prediction_id
        if len(body) < _HEAD.size or body[0] != _KIND or not signed:
            raise _unknown(prediction_id)
        _, high, low, _, probability, digest = _HEAD.unpack_from(body)
        model_end = _HEAD.size + 1 + body[_HEAD.size]
        return Receipt(
            model=body[_HEAD.size + 1 : model_end].decode(),
            version=body[model_end + 1 :].decode(),
            probability_negative=probability,
            created_ms=(high << 32) | low,
            text_digest=digest,
        )

    def _nonce(self) -> bytes:
        """Random bytes, never the same twice; drawn many at once, since each call of the kernel costs microseconds."""
        if not self._nonces:
            drawn = os.urandom(_NONCE_BYTES * _NONCES_DRAWN)
            self._nonces = [drawn[place : place + _NONCE_BYTES] for place in range(0, len(drawn), _NONCE_BYTES)]
        return self._nonces.pop()

    def _mac(self, body: bytes) -> bytes:
        return blake2b(body, digest_size=_MAC_BYTES, key=self._key, person=b"vigie-receipt").digest()


def _prefixed(value: str) -> bytes:
    data = value.encode()
    return bytes([len(data)]) + data


def _unknown(prediction_id: str) -> NotFound:
    return NotFound(f"no such prediction_id: {prediction_id[:80]!r}", code="unknown_prediction")
