"""What people and logs see."""

import pytest
from rich.console import Console

from vigie_training import output


def test_where_there_is_no_terminal_a_line_now_and_then_says_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([100.0, 101.0, 111.0, 112.0, 700.4])
    with output.progress(4, lambda: next(times)) as report:
        for what in ("splitting", "tuning, 5 %", "tuning, 10 %", "evaluating"):
            report(what)
    assert capsys.readouterr().err.splitlines() == ["    11 s  tuning, 5 %", "   600 s  evaluating"]


def test_a_cell_is_the_text_that_somebody_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = ["see [/ops/123]", "[hotfix] :x:", "[bold]no[/bold]"]
    output.show({}, [], as_json=False, tables=[output.table("ledger", [{"why": why} for why in reasons])])
    printed = capsys.readouterr().out
    assert all(why in printed for why in reasons)


def test_a_bar_says_what_is_done_as_it_was_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Console(stderr=True, force_terminal=True, width=160)
    monkeypatch.setattr(output, "Console", lambda **_: terminal)
    with output.progress(1) as report:
        report("reading [/ops] :x:.csv")
    assert "reading [/ops] :x:.csv" in capsys.readouterr().err
