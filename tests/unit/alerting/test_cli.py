"""How `vigie-alerting` says what is away."""

from pathlib import Path

import pytest

from alerting.cli import main


@pytest.mark.parametrize("action", ["list", "replay"])
def test_without_redis_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(SystemExit, match=r"^vigie-alerting: REDIS_URL: .*127\.0\.0\.1:1"):
        main(["dead-letters", action])
