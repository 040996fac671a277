"""CSV files whose last quotation mark is closed, and others."""

from pathlib import Path
from typing import Any

import pytest

from vigie_training.csv_batches import READ_BYTES, csv_batches
from vigie_training.errors import WrongFile

LINE = "1,never on time and nobody cares\n"
LONG = LINE * (READ_BYTES // len(LINE) + 1)


def read(path: Path, written: str) -> list[dict[str, Any]]:
    path.write_bytes(written.encode())
    return [row for batch in csv_batches(path) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ('id,text\n1,"fine"\n2,"never closed\n3,third\n4,fourth\n', 2),
        ('id,text\n1,"never closed', 1),
        ('id,text\n1,"never closed""\n', 1),
        ('id,text\n1,fine\n\n2,"never closed, but ""quoted""\n\n', 2),
        ('text\nfine\n"never closed\nthird\n', 2),
        ('text\nfine\n\n"never closed""', 3),
        ('text\nan odd "\n"\n', 2),
        ('text\nfine\n"', 2),
        ('text\r"never closed\r', 1),
        (f'id,text\n{LONG}7,"never closed\n{LINE}', LONG.count("\n") + 1),
        (f'text\n{LONG.replace(",", " ")}"', LONG.count("\n") + 1),
    ],
)
def test_a_quotation_mark_that_is_never_closed_is_named_with_its_row(tmp_path: Path, written: str, row: int) -> None:
    with pytest.raises(WrongFile, match=f"in.csv, data row {row}: expected a quotation mark at the end of the value"):
        read(tmp_path / "in.csv", written)


@pytest.mark.parametrize("last", ['"co,mma"', '""', "late"])
def test_a_line_end_that_is_read_in_two_parts_is_one(tmp_path: Path, last: str) -> None:
    for size in (READ_BYTES, READ_BYTES + 1, READ_BYTES + 2):
        end, lines = f"{last}\r\n", ["text\r\n", *["never on time\r\n"] * 60_000]
        lines.append("x" * (size - len(end) - 2 - sum(map(len, lines))) + "\r\n")
        assert len(read(tmp_path / "in.csv", "".join([*lines, end]))) == 60_002, size


def test_so_is_one_with_more_after_it_than_is_read_at_once(tmp_path: Path) -> None:
    for before in (0, 10, 40_000):
        with pytest.raises(WrongFile, match=rf"data row {before + 1}: .* is a quotation mark never closed\?"):
            read(tmp_path / "in.csv", f'id,text\n{LINE * before}7,"never closed\n{LONG * 2}')


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ('text\n"first\n\n"\n', ["first\n\n"]),
        ('text\n"\n"\n', ["\n"]),
        ('text\n"a ""quoted"""', ['a "quoted"']),
        ('text\n"a\n""quoted"""\n', ['a\n"quoted"']),
        ('text\n""', [None]),
        ('text\nsix" tall\nlate', ['six" tall', "late"]),
        ('id,text\n1,"a\n""\n"\n2,\n', ['a\n"\n', None]),
        ("id,text\n,\n", [None]),
        ("text\rfirst\rsecond\r", ["first", "second"]),
        ("text\n", []),
    ],
)
def test_one_that_is_closed_is_a_text_like_others(tmp_path: Path, written: str, texts: list[str | None]) -> None:
    assert [row["text"] for row in read(tmp_path / "in.csv", written)] == texts
