"""Files of tweets as people really have them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ui.reading import MOST_ROWS, UnreadableFile, likely_text, read_table

ROWS = [("1", "où est ma valise ?"), ("2", "très bien, merci")]


def write(tmp_path: Path, content: bytes, name: str = "tweets.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encoding_and_delimiter_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [
        delimiter.join(('"id"', '"tweet"')),
        *(delimiter.join((number, f'"{text}"')) for number, text in ROWS * 20),
    ]
    table = read_table(write(tmp_path, "\r\n".join(lines).encode(encoding)))
    assert table.columns == {"id": ["1", "2"] * 20, "tweet": [text for _, text in ROWS] * 20}


def test_a_plain_list_of_tweets_is_one_column(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b"tweet\nlate, late; late\nlovely crew\n"))
    assert table.columns == {"tweet": ["late, late; late", "lovely crew"]}


def test_a_quoted_tweet_keeps_its_line_breaks_and_short_rows_are_filled(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b'id,text,more\n1,"two\nlines",a\n2,short\n\n3,x,y\n'))
    assert table.columns == {"id": ["1", "2", "3"], "text": ["two\nlines", "short", "x"], "more": ["a", "", "y"]}


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b'id,text\n\n1,"two\nlines"\n,\n\n2,late\n3,again\n'))
    assert table.columns["id"] == ["1", "2", "3"]
    assert list(table.lines) == [3, 6, 7]


def test_a_tweet_with_a_line_separator_of_unicode_stays_one_row(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\x0cfour"
    assert read_table(write(tmp_path, f"id,text\n1,{text}\n".encode())).columns == {"id": ["1"], "text": [text]}


def test_a_file_that_is_utf_8_at_first_and_something_else_later_is_still_read(tmp_path: Path) -> None:
    late = b"text\n" + b"late again\n" * 30_000 + "où est ma valise ?\n".encode("cp1252")
    assert read_table(write(tmp_path, late)).columns["text"][-1] == "où est ma valise ?"


def test_columns_without_a_name_or_with_the_same_one_are_told_apart(tmp_path: Path) -> None:
    assert list(read_table(write(tmp_path, b"text,,text\na,b,c\n")).columns) == ["text", "column 2", "text (3)"]


def test_parquet_is_read_whatever_its_types(tmp_path: Path) -> None:
    path = tmp_path / "tweets.parquet"
    pq.write_table(pa.table({"id": [1, None], "text": ["a", "b"]}), path)
    assert read_table(path).columns == {"id": ["1", ""], "text": ["a", "b"]}
    assert list(read_table(path).lines) == [2, 3]
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array([True])], ["text", "text"]), path)
    assert read_table(path).columns == {"text": ["a"], "text (2)": ["True"]}
    nasty = ["two\nlines", "nul \0", "où \u2028\x85 😡"]
    pq.write_table(pa.table({"text": nasty}), path)
    assert read_table(path).columns == {"text": nasty}


def test_a_parquet_file_with_too_many_rows_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tweets.parquet"
    pq.write_table(pa.table({"text": ["late"] * (MOST_ROWS + 1)}), path)
    with pytest.raises(UnreadableFile) as found:
        read_table(path)
    assert (found.value.key, found.value.values) == ("file.trouble.rows", {"most": MOST_ROWS})


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "empty"),
        (b"id,text\n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"PAR1 nothing", "parquet"),
        (b"text\n\x00\x01\n", "binary"),
        (b"text\n" + b"a\n" * (MOST_ROWS + 1), "rows"),
        (b",".join(b"c%d" % number for number in range(201)) + b"\n1\n", "columns"),
        (b"a," * 50_000 + b"\n" + b"1\n" * 40_000, "columns"),
        (b'text\n"' + b"a" * 200_000 + b"\n", "csv"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, key: str) -> None:
    with pytest.raises(UnreadableFile) as found:
        read_table(write(tmp_path, content))
    assert found.value.key == f"file.trouble.{key}"


def test_the_tweets_are_found_by_name_or_by_their_words(tmp_path: Path) -> None:
    by_name = read_table(write(tmp_path, b"airline_sentiment_notes,Text\nlong notes of somebody,hi\n"))
    assert likely_text(by_name) == "Text"
    by_words = read_table(write(tmp_path, b"when,what,who\n2026-11-23T10:00:00Z,where is my bag,bo\n"))
    assert likely_text(by_words) == "what"
