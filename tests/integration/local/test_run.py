"""`make run`, end to end: the whole system as local processes, from a tweet to the mail, through kills and restarts."""

import mailbox
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers import wait_for
from tests.support.system import LocalSystem

TEXT = "three hours on the tarmac and nobody tells us anything, never again"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """One running system; tests that stop it start it again."""
    running = LocalSystem(
        tmp_path_factory.mktemp("system") / "var", MODEL_POLL_SECONDS="1", ALERT_COOLDOWN_SECONDS="0.001"
    )
    running.start()
    yield running
    running.stop()


def predict(system: LocalSystem, text: str = TEXT) -> dict[str, Any]:
    reply = httpx.post(f"{system.url}/predict", json={"text": text}, timeout=10)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def vote(system: LocalSystem, prediction_id: str, verdict: str = "incorrect") -> httpx.Response:
    return httpx.post(f"{system.url}/feedback", json={"prediction_id": prediction_id, "verdict": verdict}, timeout=10)


def mails(system: LocalSystem) -> list[str]:
    return [str(message["Subject"]) for message in mailbox.Maildir(system.home / "mailbox")]


def three_errors(system: LocalSystem) -> None:
    for number in range(3):
        assert vote(system, predict(system, f"{TEXT} {number}")["prediction_id"]).status_code == 201


def answers_again(system: LocalSystem) -> bool:
    try:
        return httpx.post(f"{system.url}/predict", json={"text": TEXT}, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(300)
def test_three_wrong_predictions_become_one_mail(system: LocalSystem) -> None:
    before = Counter(mails(system))
    three_errors(system)
    wait_for(lambda: Counter(mails(system)) - before, what="one more mail")
    (mail,) = (Counter(mails(system)) - before).elements()
    assert "3" in mail
    assert TEXT not in mail


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["redis", "mailbox", "mlflow", "predictor-logreg", "feedback", "alerting", "gateway"])
def test_whatever_is_killed_comes_back_and_nothing_is_lost(system: LocalSystem, name: str) -> None:
    before = len(mails(system))
    prediction = predict(system)
    victim = system.processes()[name]
    victim.kill()
    wait_for(lambda: system.processes().get(name, victim).pid != victim.pid, what=f"a new {name}")
    wait_for(system.complete, seconds=120, what="a complete system")
    assert vote(system, prediction["prediction_id"]).status_code == 201
    three_errors(system)
    wait_for(lambda: len(mails(system)) > before, what="a mail after the restart")


@pytest.mark.timeout(300)
def test_a_restart_keeps_predictions_votes_and_receipts(system: LocalSystem) -> None:
    prediction_id = predict(system)["prediction_id"]
    assert vote(system, prediction_id, "correct").status_code == 201
    system.stop()
    system.start()
    assert vote(system, prediction_id, "correct").status_code == 200
    history = httpx.get(f"{system.url}/predictions", timeout=10).json()["items"]
    assert prediction_id in [row["prediction_id"] for row in history]
    votes = httpx.get(f"{system.url}/feedback", params={"verdict": "correct"}, timeout=10).json()["items"]
    assert [row["text"] for row in votes if row["prediction_id"] == prediction_id] == [TEXT]


@pytest.mark.timeout(300)
def test_a_killed_supervisor_leaves_no_orphan_behind(system: LocalSystem) -> None:
    children = list(system.processes().values())
    system.kill()
    wait_for(lambda: not any(child.is_running() for child in children), what="every program's end")
    system.start()
    wait_for(lambda: answers_again(system), what="an answer")


@pytest.mark.timeout(300)
def test_a_second_system_on_the_same_ports_says_which_are_taken(system: LocalSystem, tmp_path: Path) -> None:
    environment = os.environ | system.environment | {"VIGIE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "vigie.local"]
    rival = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert rival.returncode == 1
    assert re.search(r"GATEWAY_PORT: port \d+ for gateway is taken", rival.stderr)
    assert "Traceback" not in rival.stderr
