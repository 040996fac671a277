"""What the service could not store, shown and tried again, of every stream that it reads."""

from pathlib import Path

import pytest
from redis import Redis

from feedback.cli import main
from vigie.streams import PREDICTIONS, TRIALS


def test_entries_of_both_streams_are_listed_and_put_back(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", redis_url)
    with Redis.from_url(redis_url) as redis:
        for stream in (PREDICTIONS, TRIALS):
            redis.xadd(stream.dead, {"events": "[{]", "reason": "cannot be read", "entry": "1-0", "group": "feedback"})
        main(["dead-letters", "list"])
        assert capsys.readouterr().out.splitlines() == [
            "entry 1-0 of predictions: cannot be read",
            "entry 1-0 of predictions:trials: cannot be read",
        ]
        main(["dead-letters", "replay"])
        assert capsys.readouterr().out.splitlines() == [
            "1 entries of predictions put back",
            "1 entries of predictions:trials put back",
        ]
        for stream in (PREDICTIONS, TRIALS):
            assert (redis.xlen(stream.name), redis.xlen(stream.dead)) == (1, 0)
