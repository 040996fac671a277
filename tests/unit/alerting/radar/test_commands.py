"""The radar's commands on files of our own, with labels and with a gateway that answers."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerting.cli import main
from alerting.radar.lines import iso
from alerting.radar.rows import read_rows
from tests.support.peers import Peer
from tests.support.tweets import a_stream, together
from vigie.schemas import BatchRequest, BatchResponse, ModelRef, Prediction, Probabilities, Sentiment

Run = Callable[..., list[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two days of two topics, labelled."""
    path = tmp_path / "tweets.csv"
    streams = [a_stream(2, per_hour=12, topic=topic, seed=seed) for seed, topic in enumerate(("bags", "food"))]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["created_at", "text", "label", "about"])
        for tweet in together(*streams):
            writer.writerow([iso(tweet.at_ms), tweet.text, 0 if tweet.negative else 1, tweet.topic])
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> list[str]:
        main([str(each) for each in arguments])
        return capsys.readouterr().out.splitlines()

    return call


def test_a_planted_burst_is_told_as_one_object_per_line(file: Path, run: Run) -> None:
    plant = "bags,2026-11-24T10:00:00Z,40,20"
    lines = run("replay", file, "--scope", "about", "--labels", "--json", "--plant", plant)
    told = [json.loads(line) for line in lines]
    (found,) = [alarm for alarm in told if alarm["scope"] == "bags" and alarm["time"] > "2026-11-24T09"]
    assert {"time", "scope", "detectors", "count", "baseline", "score"} <= set(found)
    assert "2026-11-24T10:00" < found["time"] < "2026-11-24T10:20"
    quiet = [json.loads(line) for line in run("replay", file, "--scope", "about", "--labels", "--json")]
    assert found not in quiet


def test_evaluate_reports_on_days_it_was_not_tuned_on(file: Path, run: Run) -> None:
    burst = ("--burst", "bags,60,30", "--draws", 10, "--alarms-per-day", 1)
    told = [json.loads(line) for line in run("evaluate", file, "--scope", "about", "--labels", "--json", *burst)]
    assert [(row["set"], row["kind"]) for row in told] == [
        ("tuned", "quiet"), ("tuned", "burst"), ("report", "quiet"), ("report", "burst"),
    ]  # fmt: skip
    assert told[3]["seen"] > 0.8


def test_without_labels_the_served_model_is_asked(file: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[BatchRequest] = []

    async def predict(request: Request) -> Response:
        body = BatchRequest.model_validate_json(await request.body())
        asked.append(body)
        model = ModelRef(name="logreg", version="1")
        both = Probabilities(negative=0.9, positive=0.1)
        answer = Prediction(
            prediction_id="p",
            sentiment=Sentiment.NEGATIVE,
            prediction_label=0,
            confidence=0.9,
            probabilities=both,
            model=model,
        )
        page = BatchResponse(predictions=[answer] * len(body.texts))
        return JSONResponse(json.loads(page.model_dump_json()))

    with Peer(Starlette(routes=[Route("/predict/batch", predict, methods=["POST"])])) as peer:
        monkeypatch.setenv("GATEWAY_URL", peer.url)
        run("replay", file, "--scope", "about")
    assert sum(len(body.texts) for body in asked) > 1000
    assert all(isinstance(body.created_at, list) for body in asked), "history for the radar of the running service"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scope", "nowhere"], "expected a column 'nowhere'"),
        (["--plant", "bags,noon,3"], "--plant: expected scope,time,count,minutes"),
        (
            ["--plant", "bags,2020-01-03,5,nan"],
            r"--plant: .* got 'bags,2020-01-03,5,nan' \(count: 1",
        ),
        (["--plant", "bags,2020-01-03,0,5"], r"--plant: .* \(count: 1 to 100000; minutes: above 0, at most 10080\)"),
    ],
)
def test_a_mistake_is_told_in_words(file: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        main(["replay", str(file), "--labels", *arguments])


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("created_at,text,label\n2026-11-23T10:00:00Z,fine,0\nyesterday,late,0\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"bad.csv, row 2, column created_at: expected an ISO 8601 time, got 'yest"):
        main(["replay", str(path), "--labels"])


@pytest.mark.parametrize("burst", ["all,5,-4", "all,5,inf", "all,0,5", "all,5"])
def test_a_burst_that_cannot_be_is_refused(file: Path, burst: str) -> None:
    with pytest.raises(SystemExit, match=f"--burst: expected scope,count,minutes, got '{burst}'"):
        main(["evaluate", str(file), "--labels", "--burst", burst])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("caf\u00e9".encode("latin-1"), r"odd.csv: expected UTF-8, got the byte 0xe9 after line "),
        (b"x" * 200_000, r"odd.csv, after line 1: expected CSV, got: field larger than field limit \(131072\)"),
    ],
)
def test_a_file_that_is_no_csv_in_utf_8_is_said_so(tmp_path: Path, row: bytes, message: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(b"created_at,text,label\n2026-11-23T10:00:00Z," + row + b",0\n")
    with pytest.raises(SystemExit, match=message):
        main(["replay", str(path), "--labels"])


def test_labels_may_be_floats_with_gaps(tmp_path: Path) -> None:
    path = tmp_path / "gaps.parquet"
    times = ["2026-11-23T10:00:00Z"] * 3
    table = pyarrow.table({"created_at": times, "text": ["a", "b", "c"], "label": [0.0, float("nan"), 1.0]})
    pyarrow.parquet.write_table(table, path)
    assert [row.label for row in read_rows(path, None)] == [0, None, 1]
