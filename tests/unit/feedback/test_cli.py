"""What `vigie-feedback` refuses, and how it says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from feedback.cli import main
from feedback.export import BYTE_ORDER_MARK, COLUMNS

NO_REDIS = "redis://127.0.0.1:1/0"
NO_STORE = "postgresql://vigie:secret@127.0.0.1:1/vigie"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of its own, and no Redis."""
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", NO_REDIS)
    monkeypatch.setenv("DATABASE_URL", "")


def sentence(*arguments: str) -> str:
    """With which the command ends."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert isinstance(stopped.value.code, str)
    return stopped.value.code


@pytest.mark.parametrize("name", ["", " ", "@", " @ ", "＠", "a" * 65, "a\0b"])
def test_an_author_that_nobody_can_be_is_not_erased(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["erase", "--author", name])
    told = capsys.readouterr()
    assert stopped.value.code == 2
    assert "argument --author: " in told.err
    assert f"got {name!r}" in told.err
    assert told.out == ""


@pytest.mark.parametrize("arguments", [("erase", "--author", "@ann"), ("dead-letters", "list")])
def test_without_redis_there_is_a_sentence_and_nothing_is_begun(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert sentence(*arguments).startswith("vigie-feedback: REDIS_URL: ")
    assert list(tmp_path.iterdir()) == []


def test_without_a_store_there_is_a_sentence_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", NO_STORE)
    assert sentence("export") == "vigie-feedback: the store does not answer: OperationalError"
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    assert sentence("export").startswith("DATABASE_URL: expected a URL like sqlite:")


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "votes.csv"
    assert sentence("export", str(nowhere)) == f"vigie-feedback: [Errno 2] No such file or directory: '{nowhere}'"
    assert sentence("export", str(tmp_path)) == f"vigie-feedback: [Errno 21] Is a directory: '{tmp_path}'"


def test_an_empty_store_is_exported_as_a_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "--raw"])
    main(["export", "--raw", str(tmp_path / "votes.csv")])
    header = ",".join(COLUMNS) + "\r\n"
    assert capsys.readouterr().out == header
    assert (tmp_path / "votes.csv").read_bytes() == header.encode()


def test_standard_output_is_utf_8_whatever_the_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    command = [str(Path(sys.executable).with_name("vigie-feedback")), "export"]
    written = subprocess.run(command, capture_output=True, check=True).stdout
    assert written == (BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n").encode()
