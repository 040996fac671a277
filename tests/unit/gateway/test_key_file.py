"""Keys that change while the gateway runs."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.key_file import follow
from gateway.keys import KeyRing, Scope
from gateway.settings import GatewaySettings
from tests.support.eventually import eventually
from vigie.errors import Unauthorized
from vigie.tasks import end

SECRET = "s" * 40


def line(name: str, key: str) -> str:
    """One key of a file."""
    return f"{name}:{sha256(key.encode()).hexdigest()}:predict\n"


def knows(ring: KeyRing, key: str) -> bool:
    """Whether the ring lets that key in."""
    try:
        ring.authorise(key, Scope.PREDICT)
    except Unauthorized:
        return False
    return True


@pytest.fixture
async def followed(tmp_path: Path) -> AsyncIterator[tuple[Path, KeyRing]]:
    """A file with the key `old`, and the ring that follows it."""
    path = tmp_path / "keys"
    path.write_text(line("web", "old"))
    ring = KeyRing.parse(path.read_text())
    task = asyncio.create_task(follow(path, ring, every_seconds=0.001))
    yield path, ring
    await end(task)


async def changed(ring: KeyRing, key: str) -> None:
    """Until the ring lets that key in."""

    async def known() -> bool:
        return knows(ring, key)

    await eventually(known)


async def test_a_new_key_is_let_in_and_the_old_one_is_not(followed: tuple[Path, KeyRing]) -> None:
    path, ring = followed
    path.write_text(line("web", "old") + line("web-2", "new"))
    await changed(ring, "new")
    assert knows(ring, "old")
    path.write_text(line("web-2", "newest"))
    await changed(ring, "newest")
    assert not knows(ring, "old")
    assert not knows(ring, "new")


@pytest.mark.parametrize("slip", ["", "web:abc:predict", "\n,\n"])
async def test_a_slip_neither_locks_out_nor_lets_in(
    followed: tuple[Path, KeyRing], slip: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, ring = followed
    path.write_text(slip)
    await settled(caplog)
    assert knows(ring, "old")
    assert not knows(ring, "anything")


async def test_a_file_that_is_gone_changes_nothing_until_it_is_back(
    followed: tuple[Path, KeyRing], caplog: pytest.LogCaptureFixture
) -> None:
    path, ring = followed
    path.unlink()
    await settled(caplog)
    assert knows(ring, "old")
    path.write_text(line("web", "new"))
    await changed(ring, "new")


async def settled(caplog: pytest.LogCaptureFixture) -> None:
    """Until the follower has complained twice."""

    async def complained() -> bool:
        return caplog.text.count("the file of keys cannot be used") >= 2

    await eventually(complained)


def test_production_starts_with_keys_in_a_file_and_refuses_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(line("web", "k"))
    settings = GatewaySettings.read(vigie_env="production", receipt_secret=SECRET, gateway_api_keys_file=path)
    assert settings.keys().names == ["web"]
    path.write_text("")
    with pytest.raises(SystemExit, match="GATEWAY_API_KEYS: in production"):
        GatewaySettings.read(vigie_env="production", receipt_secret=SECRET, gateway_api_keys_file=path)


def test_a_file_that_is_not_there_or_is_malformed_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="GATEWAY_API_KEYS_FILE: expected a file with keys: No such file"):
        GatewaySettings.read(gateway_api_keys_file=tmp_path / "none")
    (tmp_path / "bad").write_text("web")
    with pytest.raises(SystemExit, match="GATEWAY_API_KEYS_FILE: entry 1: expected name"):
        GatewaySettings.read(gateway_api_keys_file=tmp_path / "bad")
