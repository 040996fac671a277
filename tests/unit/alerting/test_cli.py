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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate", "--days", "1000000"], "--days: expected a number above 0, at most 3650, got '1000000'"),
        (["calibrate", "--days", "nan"], "--days: expected a number above 0, at most 3650, got 'nan'"),
        (["calibrate", "--days", "inf"], "--days: expected a number above 0, at most 3650, got 'inf'"),
        (["dead-letters", "replay", "9" * 20], f"id: expected a whole number from 1 to {2**63 - 1}, got '{'9' * 20}'"),
        (["evaluate", "x.csv", "--draws", "0"], "--draws: expected a whole number from 1 to 100000, got '0'"),
        (["evaluate", "x.csv", "--tune-days", "-3"], "--tune-days: expected a whole number from 1 to 3650, got '-3'"),
        (["evaluate", "x.csv", "--alarms-per-day", "nan"], "--alarms-per-day: expected a number above 0"),
    ],
)
def test_a_number_out_of_bounds_is_refused_in_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert f"argument {message}" in capsys.readouterr().err
