"""A challenger from its first tweet to the mail that tells why it was stopped: every service is the real one."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from feedback.app import create_app as feedback_app
from feedback.settings import FeedbackSettings
from gateway.app import create_app as gateway_app
from gateway.settings import GatewaySettings
from tests.support.alerting import Worker
from tests.support.mail import MailServer
from tests.support.models import FakeRegistry, TinyPredictor, make_tiny
from tests.support.servers import as_service, wait_for
from tests.support.uvicorn_thread import UvicornThread
from vigie.catalogue import CHALLENGER, CHAMPION, SHADOW
from vigie.predictor import Probabilities
from vigie.serving.app import predictor_app
from vigie.serving.settings import PredictorSettings

PERCENT = 30
FEARFUL = 9

pytestmark = pytest.mark.timeout(300)


class SometimesFailing(TinyPredictor):
    """Version 2 cannot bear a storm, which none of its golden rows speaks of."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        if self._factor == FEARFUL and any("storm" in text for text in texts):
            raise ValueError("storm")
        return super().predict(texts)


@dataclass
class System:
    """A gateway in front of version 1 as champion, 2 as challenger and 3 as shadow, and everything behind it."""

    url: str
    worker: Worker
    mails: MailServer

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """One batch."""
        reply = httpx.post(f"{self.url}/predict/batch", json={"texts": texts}, timeout=30)
        assert reply.status_code == 200, reply.text
        predictions: list[dict[str, Any]] = reply.json()["predictions"]
        return predictions

    def vote(self, prediction: dict[str, Any]) -> None:
        """Somebody says that it was wrong."""
        body = {"prediction_id": prediction["prediction_id"], "verdict": "incorrect"}
        assert httpx.post(f"{self.url}/feedback", json=body, timeout=30).status_code == 201

    def get(self, path: str) -> dict[str, Any]:
        """What the gateway answers."""
        found: dict[str, Any] = httpx.get(f"{self.url}{path}", timeout=30).json()
        return found

    def trials(self) -> dict[str, dict[str, Any]]:
        """How everything on trial stands, by alias."""
        return {each["alias"]: each for each in self.get("/models")["models"][0]["trials"]}

    def subjects(self) -> list[str]:
        """Of the mails that arrived."""
        return [str(message["Subject"]) for message in self.mails.mailbox.messages]


@pytest.fixture
def system(
    tmp_path: Path, redis_url: str, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[System]:
    """One that knows what is on trial, and waits longer for it than it would: what is late has not failed."""
    monkeypatch.setattr("gateway.challenger.PATIENCE_SECONDS", 10)
    monkeypatch.setattr("gateway.shadow.PATIENCE_SECONDS", 10)
    registry = FakeRegistry()
    for factor, alias in ((7, CHAMPION), (FEARFUL, CHALLENGER), (5, SHADOW)):
        registry.publish(make_tiny(tmp_path / alias, factor=factor), alias=alias)
    redis = as_service(redis_url)
    with ExitStack() as running:

        def serve(app: Any) -> str:
            server = UvicornThread(app)
            running.callback(server.stop)
            return server.start()

        worker = Worker(tmp_path, redis_url=redis, smtp_port=mail_server.port, radar_enabled="false")
        running.callback(worker.kill)
        worker.start(worker.ready, seconds=120)
        told = PredictorSettings.read(vigie_home=tmp_path / "predictor", model_poll_seconds=0.1)
        settings = GatewaySettings.read(
            models="logreg",
            redis_url=redis,
            predictor_url=serve(predictor_app("logreg", SometimesFailing, told, registry=registry)),
            feedback_url=serve(feedback_app(FeedbackSettings.read(vigie_home=tmp_path, redis_url=redis))),
            alerting_url=worker.url,
            canary_percent=PERCENT,
            predict_timeout_seconds=20,
        )
        found = System(serve(gateway_app(settings)), worker, mail_server)
        wait_for(lambda: set(found.trials()) == {"challenger", "shadow"}, seconds=60, what="the versions on trial")
        yield found


def versions(predictions: Sequence[dict[str, Any]]) -> set[str]:
    return {prediction["model"]["version"] for prediction in predictions}


def test_from_the_votes_on_a_challenger_to_the_mail_that_it_was_stopped(system: System) -> None:
    answers = system.predict([f"tweet {'x' * number}" for number in range(120)])
    challengers = [answer for answer in answers if answer["model"]["version"] == "2"]
    assert 15 <= len(challengers) <= 60
    assert versions(answers) == {"1", "2"}
    for answer in challengers[:8]:
        system.vote(answer)
    wait_for(lambda: "[Vigie] Challenger arrêté : logreg version 2" in system.subjects(), seconds=60, what="the mail")
    wait_for(lambda: system.trials()["challenger"]["stopped"], seconds=30, what="the news at the gateway")
    assert versions(system.predict([f"another {'x' * number}" for number in range(120)])) == {"1"}
    trials = system.trials()
    assert trials["challenger"]["stopped"]["reason"] == "voted_down"
    assert trials["challenger"]["trial"]["version"] == "2"
    assert trials["challenger"]["trial"]["errors"] >= 3
    wait_for(lambda: system.trials()["shadow"]["compared"] > 0, seconds=30, what="the shadow's answers")
    rows = {row["prediction_id"]: row["beside"] for row in system.get("/predictions?limit=500")["items"]}
    assert {"champion"} <= {beside["alias"] for beside in rows[challengers[0]["prediction_id"]]}
    canary = [alert for alert in system.worker.alerts() if alert["rule"] == "canary"]
    assert [(alert["scope"], len(alert["tweets"]) > 0) for alert in canary] == [("logreg:2", True)]
    wait_for(lambda: system.worker.deliveries(kind="raised", state="sent"), what="the record of the mail")


def test_a_challenger_that_fails_is_stopped_and_mailed_while_every_client_gets_an_answer(system: System) -> None:
    def storm() -> bool:
        answers = system.predict([f"storm {'x' * number}" for number in range(40)])
        assert versions(answers) == {"1"}
        return "[Vigie] Challenger arrêté : logreg version 2" in system.subjects()

    wait_for(storm, seconds=60, what="the mail")
    wait_for(lambda: system.trials()["challenger"]["stopped"], seconds=30, what="the news at the gateway")
    assert system.trials()["challenger"]["stopped"]["reason"] == "errs"
    wait_for(lambda: system.trials()["challenger"]["failed"] >= 3, seconds=30, what="the count of failures")
    assert versions(system.predict([f"calm {'x' * number}" for number in range(120)])) == {"1"}


def test_a_challenger_that_fails_on_single_tweets_is_stopped_too(system: System) -> None:
    numbers = count()

    def storm() -> bool:
        for number in islice(numbers, 20):
            reply = httpx.post(f"{system.url}/predict", json={"text": f"storm {'x' * number}"}, timeout=30)
            assert reply.json()["model"]["version"] == "1"
        stopped: dict[str, Any] | None = system.trials()["challenger"]["stopped"]
        return stopped is not None and stopped["reason"] == "errs"

    wait_for(storm, seconds=60, what="the end of the trial")
