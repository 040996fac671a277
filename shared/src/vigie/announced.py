"""What the head of a request says of its body, refused before that is read when nobody here could make sense of it."""

from starlette.types import Scope

from vigie.errors import BodyTooLarge, UnsupportedMediaType, VigieError

_OF_BODIES = frozenset({b"content-length", b"content-type", b"content-encoding", b"transfer-encoding"})
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")  # of which the last two are a part


def check_announced(scope: Scope, limit: int) -> None:
    """Raises `BodyTooLarge` for more than `limit` bytes, `UnsupportedMediaType` for what is compressed or no UTF-8."""
    for name, value in scope["headers"]:
        if name not in _OF_BODIES:
            continue
        if name == b"content-length":
            if value.isdigit() and int(value) > limit:
                raise BodyTooLarge(f"expected a body of at most {limit} bytes, got {int(value)}")
        elif name == b"content-type":
            if b";" in value:
                _check_charset(value)
        elif value.strip().lower() != (plain := b"identity" if name == b"content-encoding" else b"chunked"):
            raise _unreadable(name, plain, value)


def _check_charset(kind: bytes) -> None:
    for parameter in kind.decode("latin-1").split(";")[1:]:
        name, _, charset = parameter.partition("=")
        if name.strip().lower() == "charset" and charset.strip().strip('"').lower() not in _UTF_8:
            raise UnsupportedMediaType(f"expected Content-Type with charset UTF-8, got {charset.strip()[:60]!r}")


def _unreadable(name: bytes, plain: bytes, value: bytes) -> VigieError:
    header = name.decode().title()
    return UnsupportedMediaType(f"expected {header} {plain.decode()} or none, got {value.decode('latin-1')[:60]!r}")
