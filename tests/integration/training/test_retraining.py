"""`vigie-train retrain`: what people voted becomes a challenger."""

from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from redis import Redis

from feedback.app import create_app
from feedback.settings import FeedbackSettings
from tests.integration.training.conftest import Run, done
from tests.support.servers import free_port, wait_for
from tests.support.uvicorn_thread import UvicornThread
from vigie.catalogue import find_family
from vigie.receipts import ReceiptBook
from vigie.schemas import PredictionEvent
from vigie.settings import DEVELOPMENT_SECRET, derived_key
from vigie.streams import PREDICTIONS

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]
MODEL = find_family("logreg").registered_model


def test_a_retraining_learns_from_votes_when_it_is_due(
    first: dict[str, Any], run: Run, url: str, redis_url: str, tmp_path: Path
) -> None:
    server = UvicornThread(create_app(FeedbackSettings.read(vigie_home=tmp_path, redis_url=redis_url)))
    feedback = server.start()
    try:
        voted_on(feedback, redis_url, ["never again", "four hours on the floor", "bag gone, nobody cares"])
        early = done(run("retrain", "--json", FEEDBACK_URL=feedback, RETRAIN_LABELS="4"))
        assert early == {"due": False, "labels": 3}
        client = MlflowClient(url, url)
        champion = client.get_model_version_by_alias(MODEL, "champion").version
        due = done(run("retrain", "--json", FEEDBACK_URL=feedback, RETRAIN_LABELS="3"))
        again = done(run("retrain", "--json", FEEDBACK_URL=feedback, RETRAIN_LABELS="3"))
    finally:
        server.stop()
    assert due["why"][0].startswith("3 labels more than version")
    assert not due["promoted"]
    assert client.get_model_version_by_alias(MODEL, "challenger").version == due["version"]
    assert client.get_model_version_by_alias(MODEL, "champion").version == champion, "only a promotion moves it"
    assert client.get_run(due["run_id"]).data.params["feedback_rows"] == "3"
    assert again == {"due": False, "labels": 3}, "the challenger has learnt from these"


def test_without_a_feedback_service_nothing_is_trained(first: dict[str, Any], run: Run) -> None:
    failed = run("retrain", "--model", "logreg", FEEDBACK_URL=f"http://127.0.0.1:{free_port()}")
    assert failed.returncode == 1
    assert "FEEDBACK_URL: no feedback service answers" in failed.stderr


def voted_on(feedback: str, redis_url: str, texts: list[str]) -> None:
    """Two people say of each text, which the model had called positive, that this was wrong."""
    book = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))
    made = int(time() * 1000)
    with Redis.from_url(redis_url) as redis, httpx.Client(base_url=feedback) as client:
        for text in texts:
            name = book.issue(text, model="logreg", version="1", probability_negative=0.1, created_ms=made)
            event = PredictionEvent(
                prediction_id=name,
                text=text,
                model="logreg",
                version="1",
                label=1,
                probability_negative=0.1,
                created_ms=made,
            )
            redis.xadd(PREDICTIONS.name, dict(PREDICTIONS.encode([event])))
            for annotator in ("ada", "bob"):
                vote = {"prediction_id": name, "verdict": "incorrect", "annotator": annotator}
                assert client.post("/feedback", json=vote).status_code == 201
        wait_for(lambda: client.get("/feedback/export.csv").text.count(texts[-1]) == 2, what="the texts of the votes")
