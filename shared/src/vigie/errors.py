"""One error base. What leaves a service as an HTTP error is one of these, rendered in one place (`vigie.web`)."""


class VigieError(Exception):
    """An error with the HTTP `status` and the machine-readable `code` it is answered with.

    `retry_after` (seconds) becomes the `Retry-After` header.
    """

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.retry_after = retry_after


class InvalidRequest(VigieError):
    """The client's message is malformed; the message says what was expected and what came."""

    status = 400
    code = "invalid_request"


class Unauthorized(VigieError):
    """No API key, or one that is not known."""

    status = 401
    code = "unauthorized"


class Forbidden(VigieError):
    """The API key lacks the scope that the route asks for."""

    status = 403
    code = "forbidden"


class NotFound(VigieError):
    """Nothing lives under that name."""

    status = 404
    code = "not_found"


class BodyTooLarge(VigieError):
    """The body is over the limit; it was not read further."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaType(VigieError):
    """The body is not JSON."""

    status = 415
    code = "unsupported_media_type"


class QueueFull(VigieError):
    """The bounded queue in front of a model is full: try again after `retry_after` seconds."""

    status = 429
    code = "queue_full"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class RateLimited(VigieError):
    """This client asks more often than it may: try again after `retry_after` seconds."""

    status = 429
    code = "rate_limited"


class RequestTimeout(VigieError):
    """The request did not arrive in time; the connection is closed."""

    status = 408
    code = "request_timeout"


class HeadersTooLarge(VigieError):
    """The request line and headers are over the limit; they were not read further."""

    status = 431
    code = "headers_too_large"


class Unavailable(VigieError):
    """Something this answer depends on is not there right now."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float = 2.0) -> None:
        super().__init__(message, code=code, retry_after=retry_after)


class DeadlineExceeded(VigieError):
    """The request's deadline passed before an answer was there."""

    status = 504
    code = "deadline_exceeded"
