"""What a person lives through, from a tweet to a mail, and what must survive on the way.

The journeys follow one another on one stack: a mail of the second is only sent after the cool-down of the first.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from time import monotonic

import httpx
import pytest

from tests.e2e.stack import COOLDOWN_SECONDS, Stack, docker
from tests.support.servers import wait_for
from vigie.catalogue import FAMILIES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2700)]

TWEETS = (
    "three hours on the tarmac at Orly and not one word from the crew, thanks for nothing",
    "so my bag took a nicer holiday than me. brilliant work, really",
    "lovely staff on the Nice flight, smooth landing, would book again!",
)
QUIET_SECONDS = 4.0
RESIDENT_BAR = 350.0


def test_three_wrong_votes_send_exactly_one_mail(stack: Stack) -> None:
    predictions = [stack.predict(tweet) for tweet in TWEETS]
    for prediction in predictions[:2]:
        stack.vote(prediction)
    assert nothing_arrives(stack, already=0)
    started = monotonic()
    stack.vote(predictions[2])
    wait_for(stack.mails, seconds=30, what="the mail")
    stack.measured["third vote to mail"] = f"{monotonic() - started:.2f} s"
    stack.vote(stack.predict("and a fourth mistake within the cool-down"))
    assert nothing_arrives(stack, already=1)
    message = stack.mail(stack.mails()[0]["ID"])
    assert all(tweet in message["Text"] for tweet in TWEETS)
    assert not any(tweet in message["Subject"] for tweet in TWEETS)
    assert [alert["count"] for alert in stack.alerts()] == [3]


def test_predictions_and_votes_go_on_without_redis(stack: Stack) -> None:
    stack.stop("redis")
    prediction = stack.predict("is anybody listening to us at gate 12?")
    vote = stack.vote(prediction, "correct")
    stack.start("redis")
    stack.wait_ready()
    assert vote["feedback_id"] in stack.votes()
    started, later = now(), stack.predict("and now?")
    wait_for(lambda: later["prediction_id"] in stack.history(started), what="the log of a prediction after the outage")


def test_a_moved_alias_is_served_without_a_failed_request(stack: Stack) -> None:
    before = stack.served_version()
    stack.train("run", "--model", "logreg")
    body = {"filter": "name='vigie-logreg'"}
    found = stack.mlflow.get("/api/2.0/mlflow/model-versions/search", params=body).json()["model_versions"]
    newest = max((row["version"] for row in found), key=int)
    assert newest != before
    stack.name_champion(before)  # the gate may have promoted the new version already
    wait_for(lambda: stack.served_version() == before, what="the old version")
    load = Load(stack)
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(load.run) for _ in range(4)]
        try:
            wait_for(lambda: before in load.versions, what="an answer of the old version")
            stack.name_champion(newest)
            started = monotonic()
            wait_for(lambda: newest in load.versions, seconds=60, what="an answer of the new version")
            stack.measured["alias moved to first answer"] = f"{monotonic() - started:.1f} s"
        finally:
            load.stop.set()
        for worker in workers:
            worker.result()
    stack.measured["answers while the alias moved"] = f"{load.answered}, {len(load.failures)} failed"
    assert load.failures == []
    assert stack.served_version() == newest


def test_restarts_lose_nothing_and_the_pending_mail_arrives_once(stack: Stack) -> None:
    since, kept = now(), stack.predict("this one must survive everything")
    vote = stack.vote(kept, "correct")
    wait_for(lambda: kept["prediction_id"] in stack.history(since), what="the log entry")
    version, history, votes, alerts = stack.served_version(), stack.history(since), stack.votes(), len(stack.alerts())
    stack.stop("mailpit")
    make_an_alert(stack, alerts)
    for service in sorted(set(stack.services) - {"mailpit"}):
        started = monotonic()
        stack.restart(service)
        stack.wait_ready()
        stack.measured[f"restart of {service}"] = f"{monotonic() - started:.1f} s"
        assert history <= stack.history(since), f"the restart of {service} lost predictions"
        assert votes <= stack.votes(), f"the restart of {service} lost votes"
        assert vote["feedback_id"] in stack.votes()
        assert stack.served_version() == version, f"the restart of {service} changed the model"
        assert len(stack.alerts()) == alerts + 1, f"the restart of {service} changed the alerts"
        assert stack.predict("still there?")["prediction_id"]
    stack.start("mailpit")
    wait_for(lambda: reachable(stack) and stack.mails(), seconds=120, what="the pending mail")
    assert nothing_arrives(stack, already=1)


def test_after_all_that_no_predictor_holds_more_memory_than_it_may(stack: Stack) -> None:
    resident = {family.service: resident_megabytes(stack, family.service) for family in FAMILIES}
    stack.measured |= {f"resident memory of {service}": f"{size:.0f} MB" for service, size in resident.items()}
    assert not {service: size for service, size in resident.items() if size > RESIDENT_BAR}


@dataclass
class Load:
    """Clients that ask without a pause and remember every answer that is not 200."""

    stack: Stack
    versions: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    answered: int = 0
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        """Asks until it is stopped."""
        with httpx.Client(base_url=self.stack.gateway.base_url, timeout=30) as client:
            while not self.stop.is_set():
                answer = client.post("/predict", json={"text": TWEETS[self.answered % len(TWEETS)]})
                self.answered += 1
                if answer.status_code == 200:
                    self.versions.add(answer.json()["model"]["version"])
                else:
                    self.failures.append(f"{answer.status_code} {answer.text}")


def resident_megabytes(stack: Stack, service: str) -> float:
    """What the processes of a service hold, as the kernel counts it, after an inference in case it had none yet."""
    name = service.removeprefix("predictor-")
    assert stack.gateway.post("/predict/batch", json={"texts": [*TWEETS] * 100, "model": name}).status_code == 200
    kibibytes = docker("top", stack.container(service), "-eo", "pid,rss").split()[3::2]
    return sum(map(int, kibibytes)) * 1024 / 1e6


def make_an_alert(stack: Stack, already: int) -> None:
    """Three votes after the cool-down of the last alert, until there is one alert more."""
    wait_for(lambda: quiet_is_over(stack), seconds=COOLDOWN_SECONDS + 30, what="the end of the cool-down")
    for number in range(3):
        stack.vote(stack.predict(f"wrong again, number {number}"))
    wait_for(lambda: len(stack.alerts()) > already, what="a second alert")


def quiet_is_over(stack: Stack) -> bool:
    """Whether the newest alert is older than the cool-down, by this machine's clock."""
    answer = stack.gateway.get("/alerts")
    fired = answer.json()["items"][0]["fired_at"]
    return age_seconds(fired) > COOLDOWN_SECONDS


def now() -> str:
    """This moment in ISO 8601."""
    return datetime.now(UTC).isoformat()


def age_seconds(moment: str) -> float:
    """Seconds since an ISO 8601 time; containers and tests share a clock."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def nothing_arrives(stack: Stack, *, already: int) -> bool:
    """Whether the number of mails stays what it is for a while."""
    deadline = monotonic() + QUIET_SECONDS
    wait_for(lambda: len(stack.mails()) != already or monotonic() > deadline, what="quiet")
    return len(stack.mails()) == already


def reachable(stack: Stack) -> bool:
    """Whether the mailbox answers."""
    try:
        return stack.mailpit.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False
