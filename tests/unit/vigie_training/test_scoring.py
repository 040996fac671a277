"""Scoring files by chunks."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from vigie.predictor import Probabilities
from vigie_training import scoring
from vigie_training.errors import WrongFile
from vigie_training.scoring import CHUNK_ROWS, score


def by_length(texts: Sequence[str]) -> Probabilities:
    return np.array([len(text) / 100 for text in texts], np.float32)


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_row_keeps_its_columns_and_gets_its_answer(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "CHUNK_ROWS", 7)
    frame = pd.DataFrame({"id": range(40), "text": ["x" * (number + 30) for number in range(40)]})
    source = tmp_path / f"in{suffix}"
    frame.to_csv(source, index=False) if suffix == ".csv" else frame.to_parquet(source)
    heard: list[str] = []
    assert score(by_length, source, tmp_path / "out.parquet", heard.append) == 40
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["id"].astype(int).tolist() == list(range(40))
    np.testing.assert_allclose(found["probability_negative"], frame["text"].str.len() / 100, rtol=1e-6)
    assert found["prediction_label"].tolist() == [1] * 20 + [0] * 20
    assert heard[-1] == "40 rows"
    assert len(heard) >= 2 or suffix == ".csv"
    assert scoring.steps(source) == (len(heard) if suffix == ".parquet" else None)


def test_what_a_column_of_a_csv_holds_later_does_not_contradict_its_first_rows(tmp_path: Path) -> None:
    lines = [f"{number:03},,late {number}" for number in range(100_000)] + ["x1,why not,late"]
    (tmp_path / "in.csv").write_text("\n".join(["id,note,text", *lines]))
    assert score(by_length, tmp_path / "in.csv", tmp_path / "out.parquet", silent) == 100_001
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert (found["id"].iloc[7], found["id"].iloc[-1], found["note"].iloc[-1]) == ("007", "x1", "why not")


def test_a_place_that_cannot_be_written_to_is_named_first(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late"]}).to_parquet(tmp_path / "in.parquet")
    for target in (tmp_path, tmp_path / "nowhere" / "out.parquet"):
        with pytest.raises(WrongFile, match="expected the name of a file to write, in a folder that is there"):
            score(by_length, tmp_path / "in.parquet", target, silent)


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late"]}).to_parquet(tmp_path / "in.parquet")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for target in (tmp_path / "pipe", tmp_path / "link"):
        with pytest.raises(WrongFile, match="expected the name of a file to write, got a device or a pipe"):
            score(by_length, tmp_path / "in.parquet", target, silent)
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_to_the_answers_is_followed(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late"]}).to_parquet(tmp_path / "in.parquet")
    (tmp_path / "answers").mkdir()
    (tmp_path / "out.parquet").symlink_to(Path("answers", "today.parquet"))
    for _ in range(2):
        score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", silent)
    assert (tmp_path / "out.parquet").is_symlink()
    assert len(pd.read_parquet(tmp_path / "answers" / "today.parquet")) == 1
    assert [path.name for path in (tmp_path / "answers").iterdir()] == ["today.parquet"]


def test_two_who_write_one_file_do_not_meet(tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pd.DataFrame({"text": ["late", "lovely"]}).to_parquet(source)

    def interrupted(_: str) -> None:
        assert score(by_length, source, target, silent) == 2

    assert score(by_length, source, target, interrupted) == 2
    assert len(pd.read_parquet(target)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def test_one_who_is_told_to_end_leaves_the_answers_as_they_were(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late"]}).to_parquet(tmp_path / "in.parquet")
    (tmp_path / "out.parquet").write_text("before")

    def told_to_end(_: str) -> None:
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", told_to_end)
    assert (tmp_path / "out.parquet").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("text\nfirst\n\nthird\n", ["first", None, "third"]),
        ("\n\ntext\r\nfirst\r\n\r\n\r\nfourth", ["first", None, None, "fourth"]),
        ("text\nfirst\n\n\n", ["first"]),
        ("text,note\nfirst,a\n\nthird,b\n\n", ["first", "third"]),
        ('text\n"first\n\n"\n', ["first\n\n"]),
    ],
)
def test_a_blank_line_is_a_row_where_a_line_is_one_text(tmp_path: Path, written: str, texts: list[str | None]) -> None:
    (tmp_path / "in.csv").write_bytes(written.encode())
    assert score(by_length, tmp_path / "in.csv", tmp_path / "out.parquet", silent) == len(texts)
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet")["text"].to_pylist() == texts


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["late", "lovely"]})
    frame.to_csv(tmp_path / "in.CSV", index=False)
    frame.to_parquet(tmp_path / "in.PARQUET")
    for name in ("in.CSV", "in.PARQUET"):
        assert score(by_length, tmp_path / name, tmp_path / "out.PARQUET", silent) == 2
    assert scoring.steps(tmp_path / "in.PARQUET") == 1
    with pytest.raises(WrongFile, match="Parquet is what is written"):
        score(by_length, tmp_path / "in.CSV", tmp_path / "out.CSV", silent)


def test_a_missing_text_has_no_answer(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late", None, "  "]}).to_parquet(tmp_path / "in.parquet")
    score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", silent)
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["probability_negative"].isna().tolist() == [False, True, True]


def test_words_that_others_take_for_nothing_are_texts(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("country,text\nNA,null\nnan,N/A\n,\n")
    score(by_length, tmp_path / "in.csv", tmp_path / "out.parquet", silent)
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["country"].tolist()[:2] == ["NA", "nan"]
    assert found["text"].tolist()[:2] == ["null", "N/A"]
    assert found["probability_negative"].isna().tolist() == [False, False, True]


def test_what_is_no_text_or_no_name_for_parquet_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"text": [1, 2]}).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(WrongFile, match="column 'text': expected text, got int64"):
        score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", silent)
    with pytest.raises(WrongFile, match=r"out.csv: expected a name like answers.parquet"):
        score(by_length, tmp_path / "in.parquet", tmp_path / "out.csv", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("encoded", [False, True])
def test_what_is_no_utf_8_in_parquet_is_named(tmp_path: Path, encoded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "CHUNK_ROWS", 2)
    lengths, words = np.array([0, 4, 8, 12, 16], np.int32), b"latelostrudezu\xffg"
    texts = pyarrow.Array.from_buffers(
        pyarrow.string(), 4, [None, pyarrow.py_buffer(lengths), pyarrow.py_buffer(words)]
    )
    table = pyarrow.table({"id": [1, 2, 3, 4], "text": texts.dictionary_encode() if encoded else texts})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(WrongFile, match=r"in.parquet, data row 4, column 'text': expected UTF-8 text, got byte 0xff"):
        score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_scoring_again_replaces_the_answers(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["late"], "probability_negative": ["old"]}).to_parquet(tmp_path / "in.parquet")
    score(by_length, tmp_path / "in.parquet", tmp_path / "out.parquet", silent)
    assert pd.read_parquet(tmp_path / "out.parquet").columns.tolist() == [
        "text",
        "probability_negative",
        "prediction_label",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"tweet\nlate\n", "column 'text': expected this column, got 'tweet'"),
        ("in.csv", b"", "expected a Parquet or CSV file that can be read"),
        ("in.csv", b"\n\n", "expected a Parquet or CSV file that can be read"),
        ("in.csv", b"text\n\n", "expected at least one row, got none"),
        (
            "in.csv",
            b'id,text\n1,"fine"\n2,"open\n3,third\n',
            "in.csv, data row 2: expected a quotation mark at the end",
        ),
        ("in.csv", b'id,"text\n1,late\n', "expected a Parquet or CSV file that can be read"),
        ("in.parquet", b"nonsense", "expected a Parquet or CSV file that can be read"),
        ("in.txt", b"late", "expected a .parquet or .csv file, got suffix '.txt'"),
    ],
)
def test_a_wrong_file_is_named_and_leaves_nothing_behind(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WrongFile, match=message):
        score(by_length, tmp_path / name, tmp_path / "out.parquet", silent)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    for header in ("text,a,a", "text,text,b"):
        (tmp_path / "in.csv").write_text(f"{header}\nlate,1,2\n")
        with pytest.raises(WrongFile, match=r"column '(a|text)': expected each column once, got it more than once"):
            score(by_length, tmp_path / "in.csv", tmp_path / "out.parquet", silent)


def test_of_a_file_with_one_large_row_group_only_a_part_is_in_memory(tmp_path: Path) -> None:
    rows = 20 * CHUNK_ROWS
    held: list[int] = []
    words = np.random.default_rng(1).bytes(400 * rows).hex()
    texts = pyarrow.table({"text": [words[start : start + 800] for start in range(0, len(words), 800)]})
    pyarrow.parquet.write_table(texts, tmp_path / "in.parquet", row_group_size=rows, compression="none")
    del texts
    before = pyarrow.total_allocated_bytes()
    score(
        by_length,
        tmp_path / "in.parquet",
        tmp_path / "out.parquet",
        lambda _: held.append(pyarrow.total_allocated_bytes() - before),
    )
    assert (tmp_path / "in.parquet").stat().st_size > 100e6
    assert max(held) < 60e6
