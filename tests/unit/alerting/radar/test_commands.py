"""The radar's commands on files of our own, with labels and with a gateway that answers."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerting.cli import main
from alerting.radar.lines import iso
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
