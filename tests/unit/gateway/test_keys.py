"""API keys: parsing and authorising."""

from hashlib import sha256

import pytest

from gateway.keys import KeyRing, Scope
from vigie.errors import Forbidden, Unauthorized


def setting(name: str, key: str, scopes: str) -> str:
    return f"{name}:{sha256(key.encode()).hexdigest()}:{scopes}"


RING = KeyRing.parse(f"{setting('web', 'secret-1', 'predict+feedback')}, {setting('ops', 'secret-2', 'admin')}")


def test_a_known_key_with_the_scope_is_let_in_by_name() -> None:
    assert RING.authorise("secret-1", Scope.PREDICT) == "web"
    assert RING.authorise("secret-2", Scope.ADMIN) == "ops"


def test_a_key_may_hold_any_letters_as_headers_carry_them() -> None:
    ring = KeyRing.parse(setting("web", "cl\u00e9", "predict"))
    assert ring.authorise("cl\u00e9".encode().decode("latin-1"), Scope.PREDICT) == "web"


@pytest.mark.parametrize("presented", [None, "", "secret", "secret-1 ", "SECRET-1", "clé", "\udcff"])
def test_a_missing_or_unknown_key_is_unauthorised(presented: str | None) -> None:
    with pytest.raises(Unauthorized):
        RING.authorise(presented, Scope.PREDICT)


def test_a_key_without_the_scope_is_forbidden_and_told_which() -> None:
    with pytest.raises(Forbidden, match="'web' lacks the scope 'admin'"):
        RING.authorise("secret-1", Scope.ADMIN)


def test_admin_does_not_imply_the_other_scopes() -> None:
    with pytest.raises(Forbidden):
        RING.authorise("secret-2", Scope.PREDICT)


def test_an_empty_ring_lets_everybody_in() -> None:
    assert KeyRing.parse("").is_open
    assert KeyRing.parse("").authorise(None, Scope.ADMIN) == "open"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("web:abc", "entry 1: expected name:sha256-of-key:scopes.*got 2 parts"),
        ("web:abc:predict", "entry 1 \\('web'\\): expected a SHA-256 of 64 hexadecimal digits, got 3 characters"),
        (setting("web", "k", "read"), "entry 1 \\('web'\\).*got the scopes \\['read'\\]"),
        (f"{setting('web', 'k', 'predict')},x", "entry 2: expected"),
    ],
)
def test_a_malformed_entry_is_named(value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        KeyRing.parse(value)
