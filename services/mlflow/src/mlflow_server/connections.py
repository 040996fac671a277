"""The limits of every service, as far as they fit MLflow, and its own shape of errors."""

import json

from vigie.connections import GuardedProtocol, Headers
from vigie.errors import BodyTooLarge, VigieError

BODY_LIMIT = 16 * 1024 * 1024
_ARTEFACTS = ("/api/2.0/mlflow-artifacts/artifacts/", "/ajax-api/2.0/mlflow-artifacts/artifacts/")


class RegistryProtocol(GuardedProtocol):
    """An artefact may be as large as it likes and take its time, as long as something of it comes.

    Any other body is at most `BODY_LIMIT` bytes: MLflow reads it to its end before it looks at it. It takes piece by
    piece only what is put below `_ARTEFACTS`.
    """

    application_answers = False
    _room: int | None = None

    def refusal(self, error: VigieError) -> tuple[Headers, bytes]:
        """See `GuardedProtocol`."""
        content = {"error_code": "BAD_REQUEST", "message": error.message}
        return ((b"content-type", b"application/json"),), json.dumps(content).encode()

    def on_headers_complete(self) -> None:
        """The parser's hook."""
        super().on_headers_complete()
        artefact = self.scope.get("method") == "PUT" and self.scope.get("path", "").startswith(_ARTEFACTS)
        self._room = None if artefact else BODY_LIMIT

    def on_body(self, body: bytes) -> None:
        """The parser's hook; what it raises ends the parsing."""
        if self._room is not None:
            self._room -= len(body)
            if self._room < 0:
                self._wrong = BodyTooLarge(f"expected a body of at most {BODY_LIMIT} bytes, got more")
                raise self._wrong
        self._stop_timer()
        super().on_body(body)
