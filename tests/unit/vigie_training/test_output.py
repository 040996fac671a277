"""What a log sees of long work."""

import pytest

from vigie_training import output


def test_where_there_is_no_terminal_a_line_now_and_then_says_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([100.0, 101.0, 111.0, 112.0, 700.4])
    with output.progress(4, lambda: next(times)) as report:
        for what in ("splitting", "tuning, 5 %", "tuning, 10 %", "evaluating"):
            report(what)
    assert capsys.readouterr().err.splitlines() == ["    11 s  tuning, 5 %", "   600 s  evaluating"]
