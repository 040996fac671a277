"""What a head says of its body."""

import pytest

from vigie.announced import check_announced
from vigie.errors import UnsupportedMediaType


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("content-encoding", "gzip", "expected Content-Encoding identity or none, got 'gzip'"),
        ("content-encoding", "identity, br", "got 'identity, br'"),
        ("content-type", "application/json; charset=utf-16", "expected Content-Type with charset UTF-8, got 'utf-16'"),
        ("content-type", 'application/json;v=1;CHARSET="Latin-1"', "got '\"Latin-1\"'"),
        ("transfer-encoding", "gzip, chunked", "expected Transfer-Encoding chunked or none, got 'gzip, chunked'"),
        ("content-encoding", "x" * 5000, f"got '{'x' * 60}'"),
    ],
)
def test_a_body_that_nobody_could_read_is_refused_with_what_it_is(name: str, value: str, told: str) -> None:
    plain = [(b"content-type", b"application/json"), (b"content-encoding", b"identity")]
    with pytest.raises(UnsupportedMediaType) as found:
        check_announced({"headers": [*plain, (name.encode(), value.encode())]}, 100)
    assert found.value.message.endswith(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-encoding", "Identity"),
        ("content-type", "application/json"),
        ("content-type", 'application/json; charset="UTF-8"'),
        ("content-type", "application/json; charset=us-ascii"),
        ("content-type", "multipart/form-data; boundary=charset"),
        ("transfer-encoding", "Chunked"),
        ("content-length", "100"),
        ("accept-encoding", "gzip"),
    ],
)
def test_what_is_plain_is_let_through(name: str, value: str) -> None:
    check_announced({"headers": [(name.encode(), value.encode())]}, 100)
