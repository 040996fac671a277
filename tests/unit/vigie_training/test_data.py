"""Reading files: every format, and every way in which one can be wrong."""

from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from vigie_training.data import SAMPLE_TWEETS, read, read_file, sample_texts
from vigie_training.errors import TrainingError, WrongFile
from vigie_training.rows import DAY, SAMPLING


def csv(folder: Path, text: str, name: str = "tweets.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def labels(path: Path) -> list[int]:
    found: list[int] = read_file(path).labels.tolist()
    return found


def test_a_binary_csv_is_read_as_it_is(tmp_path: Path) -> None:
    rows = read_file(csv(tmp_path, 'text,label\nlate again,0\n"lovely, crew",1\n'))
    assert (rows.texts, rows.labels.tolist(), rows.sources) == (["late again", "lovely, crew"], [0, 1], ["tweets"])


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path: Path) -> None:
    assert labels(csv(tmp_path, "\ufefftext,label\r\na,0\r\nb,1\r\n")) == [0, 1]


def test_of_three_classes_the_neutral_one_is_left_out(tmp_path: Path) -> None:
    assert labels(csv(tmp_path, "text,label\na,0\nb,1\nc,2\n")) == [0, 1]
    assert read_file(csv(tmp_path, "text,label\na,0\nb,1\nc,2\n")).texts == ["a", "c"]


def test_labels_may_be_names(tmp_path: Path) -> None:
    assert labels(csv(tmp_path, "label,text\nNegative,a\nneutral,b\npositive,c\n")) == [0, 1]


def test_without_a_two_three_classes_have_to_be_said(tmp_path: Path) -> None:
    path = csv(tmp_path, "text,label\na,0\nb,1\n")
    assert labels(path) == [0, 1]
    assert read_file(path, "three-class").texts == ["a"]


def test_the_original_sentiment140_has_no_header_and_is_latin_1(tmp_path: Path) -> None:
    line = '"{0}","{1}","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","someone","{2}"\n'
    text = line.format(0, 1, "caf\u00e9 closed") + line.format(2, 2, "meh") + line.format(4, 3, "yay")
    for written in (text, text.replace('"', "")):
        rows = read_file(csv(tmp_path, written, encoding="latin-1"))
        assert (rows.texts, rows.labels.tolist()) == (["caf\u00e9 closed", "yay"], [0, 1])


def test_a_four_means_sentiment140_whatever_the_file_is_called(tmp_path: Path) -> None:
    line = '"{0}","{1}","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","someone","{2}"\n'
    original = line.format(0, 1, "late") + line.format(2, 2, "meh") + line.format(4, 3, "yay")
    for name in ("sentiment140_train.csv", "sanders.csv"):
        assert read_file(csv(tmp_path, original, name=name)).texts == ["late", "yay"]
    without_a_four = csv(tmp_path, original.replace('"4"', '"0"'), name="sanders.csv")
    assert read_file(without_a_four).labels.tolist() == [0, 0]
    for said in ("binary", "three-class"):
        assert read_file(csv(tmp_path, "text,label\na,0\nb,2\nc,4\n"), said).texts == ["a", "c"]


def test_a_column_of_ones_own_may_be_called_sampling(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1], "sampling": pd.array([1, None], dtype="Int64")})
    for name, found in (("own", ["", ""]), ("sentiment140_train", ["1", ""])):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        assert read_file(tmp_path / f"{name}.parquet").frame[SAMPLING].tolist() == found


@pytest.mark.parametrize("name", ["text", "label", "created_at"])
def test_a_column_that_is_there_twice_is_named(tmp_path: Path, name: str) -> None:
    message = f"tweets.(csv|parquet), column '{name}': expected each column once, got it more than once"
    with pytest.raises(WrongFile, match=message):
        read_file(csv(tmp_path, f"\ufeff{name},text,label,created_at\nb,a,0,c\n"))
    path = tmp_path / "tweets.parquet"
    columns = [name, "text", "label", "created_at"]
    pyarrow.parquet.write_table(pyarrow.table([["0"], ["0"], ["0"], ["0"]], names=columns), path)
    with pytest.raises(WrongFile, match=message):
        read_file(path)


def test_a_column_that_nobody_reads_may_be_there_twice(tmp_path: Path) -> None:
    assert labels(csv(tmp_path, "text,label,note,note\na,0,x,y\nb,1,,\n")) == [0, 1]
    path = tmp_path / "tweets.parquet"
    pyarrow.parquet.write_table(pyarrow.table([["a"], [1], [2], [3]], names=["text", "label", "n", "n"]), path)
    assert labels(path) == [1]


def test_a_column_that_nobody_reads_may_hold_what_pandas_cannot(tmp_path: Path) -> None:
    path = tmp_path / "tweets.parquet"
    for value, kind in ((10**7, pyarrow.date32()), (1, pyarrow.timestamp("us", tz="Mars/Olympus"))):
        odd = pyarrow.array([value], kind)
        pyarrow.parquet.write_table(pyarrow.table([["a"], [1], odd], names=["text", "label", "seen"]), path)
        assert labels(path) == [1]
        pyarrow.parquet.write_table(pyarrow.table([["a"], odd], names=["text", "seen"]), path)
        with pytest.raises(WrongFile, match="column 'label': expected this column, got 'text', 'seen'"):
            read_file(path)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("created_at", 1, pyarrow.timestamp("us", tz="Mars/Olympus")),
        ("created_at", b"\xff", pyarrow.string()),
        ("created_at", {"at": 1}, pyarrow.struct({"at": pyarrow.int64()})),
        ("text", b"\xff", pyarrow.string()),
        ("label", 10**7, pyarrow.date32()),
    ],
)
def test_a_value_that_nobody_can_read_is_told_of_its_file(
    tmp_path: Path, column: str, value: object, kind: pyarrow.DataType
) -> None:
    broken = pyarrow.array([value], pyarrow.binary()).view(kind) if value == b"\xff" else pyarrow.array([value], kind)
    columns: dict[str, object] = {"text": ["a"], "label": [1], column: broken}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "tweets.parquet")
    with pytest.raises(WrongFile, match=r"tweets.parquet: expected a Parquet file: "):
        read_file(tmp_path / "tweets.parquet")


def test_a_time_with_a_zone_gives_its_day_there(tmp_path: Path) -> None:
    at = pyarrow.array([1_424_127_600_000], pyarrow.timestamp("ms", tz="Europe/Paris"))
    pyarrow.parquet.write_table(
        pyarrow.table({"text": ["a"], "label": [1], "created_at": at}), tmp_path / "tweets.parquet"
    )
    assert read_file(tmp_path / "tweets.parquet").frame[DAY].tolist() == ["2015-02-17"]


def test_a_text_that_pandas_has_written_as_an_index_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "tweets.parquet"
    pd.DataFrame({"text": ["a", "b"], "label": [0, 1]}).set_index("text").to_parquet(path)
    assert read_file(path).texts == ["a", "b"]


def test_a_parquet_file_brings_its_day_and_sampling(tmp_path: Path) -> None:
    path = tmp_path / "sentiment140_train.parquet"
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1], "created_at": ["2015-02-17T01:00:00Z", ""]})
    frame.assign(sampling=pd.Series(["random", None])).to_parquet(path)
    found = read_file(path).frame
    assert found[DAY].tolist() == ["2015-02-17", ""]
    assert found[SAMPLING].tolist() == ["random", ""]


def test_a_known_data_set_keeps_the_meaning_of_its_labels(tmp_path: Path) -> None:
    known = csv(tmp_path, "text,label\na,0\nb,1\n", name="sanders.csv")
    assert read_file(known).texts == ["a"], "1 is neutral there, although no 2 stands in the file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tweet,label\na,0\n", r"tweets.csv, column 'text': expected this column, got 'tweet', 'label'"),
        ("text,sentiment\na,0\n", r"column 'label': expected this column, got 'text', 'sentiment'"),
        ("text,label\n", r"expected at least one row, got none"),
        ("", r"expected comma-separated rows"),
        ("text,label\na,0\nb,7\n", r"data row 2, column 'label': expected 0, 1, 2 \(or 0, 4\), or a name, got '7'"),
        ("text,label\na,0\nb,\n", r"data row 2, column 'label': .* got ''"),
        ("text,label\n  ,1\n", r"data row 1, column 'text': expected a text, got '  '"),
        ("text,label\na,4\nb,1\n", r"data row 2, column 'label': expected one of \[0, 2, 4\], got 1"),
        ("text,label\na,0\nb,1,2,3\n", r"expected comma-separated rows of equal length"),
        ('"text,label\n' + "late again,0\n" * 20_000, r"expected comma-separated rows of equal length"),
        ("text,label\ngreat, flight,1\nbad, flight,0\n", r"data row 1: expected 2 values like the header, got more"),
    ],
)
def test_a_wrong_csv_is_an_error_that_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(WrongFile, match=message):
        read_file(csv(tmp_path, text))


def test_bytes_that_are_not_utf_8_are_named_with_their_row(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"data row 2, column 'text': expected UTF-8 text, got byte 0xe9"):
        read_file(csv(tmp_path, "text,label\na,0\ncaf\u00e9,1\n", encoding="latin-1"))
    many = "text,label\n" + "late again,0\n" * 40_000 + "caf\u00e9,1\n"
    with pytest.raises(WrongFile, match=r"data row 40001, column 'text': expected UTF-8 text"):
        read_file(csv(tmp_path, many, encoding="latin-1"))
    records = 'text,label,note\n"a\nb",0,\n\n  \nc,1,\nd,1,caf\u00e9\n'
    with pytest.raises(WrongFile, match=r"data row 3, column 'note': expected UTF-8 text, got byte 0xe9"):
        read_file(csv(tmp_path, records, encoding="latin-1"))
    with pytest.raises(WrongFile, match=r"tweets.csv: expected UTF-8 text, got byte 0xe9"):
        read_file(csv(tmp_path, "text,label,caf\u00e9\na,0,\n", encoding="latin-1"))


def test_a_data_set_is_named_in_letters_that_a_metric_may_have(tmp_path: Path) -> None:
    (tmp_path / "tweets (1).csv").write_text("text,label\na,0\n")
    assert read_file(tmp_path / "tweets (1).csv").sources == ["tweets _1_"]
    (tmp_path / "all.csv").write_text("text,label\na,0\n")
    with pytest.raises(WrongFile, match="expected another name: 'all' stands for all data sets together"):
        read_file(tmp_path / "all.csv")


def test_a_long_name_is_cut_and_stays_different_from_others(tmp_path: Path) -> None:
    files = [csv(tmp_path, "text,label\na,0\nb,1\n", name=f"{'n' * 240}{end}.csv") for end in "ab"]
    sources = [read_file(file).sources[0] for file in files]
    assert [len(source) for source in sources] == [100, 100]
    assert sources[0] != sources[1]


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1]})
    frame.to_csv(tmp_path / "A.CSV", index=False)
    frame.assign(text=["c", "d"]).to_parquet(tmp_path / "sentiment140_train.PARQUET")
    assert read([tmp_path / "A.CSV", tmp_path]).texts == ["a", "b", "c", "d"]


def test_a_broken_parquet_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tweets.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(WrongFile, match="expected a Parquet file"):
        read_file(path)


def test_paths_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"nothing.csv: expected a file or a folder"):
        read([tmp_path / "nothing.csv"])
    with pytest.raises(WrongFile, match=r"expected a .parquet or .csv file, got suffix '.txt'"):
        read([csv(tmp_path, "x", name="tweets.txt")])
    with pytest.raises(TrainingError, match="expected at least one data set of sentiment140_train"):
        read([tmp_path])


def test_a_folder_means_the_sets_known_by_name(tmp_path: Path) -> None:
    csv(tmp_path, "text,label\na,0\nb,2\n", name="sanders.csv")
    csv(tmp_path, "text,label\nc,0\nd,1\n", name="other.csv")
    heard: list[str] = []
    assert read([tmp_path], on_file=heard.append).texts == ["a", "b"]
    assert heard == ["sanders.csv"]


def test_a_file_given_twice_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv(tmp_path, "text,label\na,0\nb,1\n")
    with pytest.raises(TrainingError, match=r"each file once, got \['tweets.csv'\]"):
        read([path, path])
    (tmp_path / "link.csv").symlink_to("tweets.csv")
    monkeypatch.chdir(tmp_path)
    for again in (tmp_path / "link.csv", Path("tweets.csv")):
        with pytest.raises(TrainingError, match=r"each file once, got \[.*'tweets.csv'\]"):
            read([path, again])


def test_one_class_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="expected rows of both labels, got none with label 1 in 2 rows"):
        read([csv(tmp_path, "text,label\na,0\nb,0\n")])


def test_the_sample_tweets_are_many_balanced_and_distinct() -> None:
    rows = read_file(SAMPLE_TWEETS)
    assert 1400 <= len(rows) <= 1700
    assert 0.45 <= rows.labels.mean() <= 0.55
    assert len({text.lower() for text in rows.texts}) == len(rows)
    assert max(map(len, rows.texts)) <= 280
    assert sample_texts() == rows.texts
