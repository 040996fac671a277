"""The limits of every service, as far as they fit MLflow, and its own shape of errors."""

import json

from vigie.connections import GuardedProtocol, Headers
from vigie.errors import BodyTooLarge, VigieError

BODY_LIMIT = 16 * 1024 * 1024
_ARTEFACTS = b"/mlflow-artifacts/"


class RegistryProtocol(GuardedProtocol):
    """An artefact may be as large as it likes and take its time, as long as something of it comes.

    Any other body is at most `BODY_LIMIT` bytes: MLflow reads it to its end before it looks at it.
    """

    application_answers = False
    _room: int | None = None

    def refusal(self, error: VigieError) -> tuple[Headers, bytes]:
        """See `GuardedProtocol`."""
        content = {"error_code": "BAD_REQUEST", "message": error.message}
        return ((b"content-type", b"application/json"),), json.dumps(content).encode()

    def on_headers_complete(self) -> None:
        """The parser's hook."""
        self._room = None if _ARTEFACTS in self.url else BODY_LIMIT
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The parser's hook; what it raises ends the parsing."""
        if self._room is not None:
            self._room -= len(body)
            if self._room < 0:
                self._wrong = BodyTooLarge(f"expected a body of at most {BODY_LIMIT} bytes, got more")
                raise self._wrong
        self._stop_timer()
        super().on_body(body)
