"""Votes over HTTP to mails, through one calamity after another; prints what was tried and what was lost.

Every round makes three errors that are one alert. Each 201 must be in the store afterwards, and as many mails must have
arrived as alerts were due, at worst one of them twice with the same Message-ID.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import time

import httpx
import pytest
import redis

from tests.support.alerting import IMPATIENT, QUICK, Worker
from tests.support.mail import Behaviour, MailServer
from tests.support.servers import RedisServer, ServerProcess, free_port, wait_for
from vigie.receipts import ReceiptBook
from vigie.settings import DEVELOPMENT_SECRET, derived_key

pytestmark = pytest.mark.timeout(600)

BOOK = ReceiptBook(derived_key(DEVELOPMENT_SECRET, "receipt"))
BURST, CLIENTS = 10_000, 16
COOLDOWN_SECONDS = 0.001


@dataclass
class Chain:
    """feedback, Redis, alerting and the mail server, and what was answered with 201."""

    home: Path
    mails: MailServer
    kept: list[str] = field(default_factory=list)
    rounds: int = 0

    def __post_init__(self) -> None:
        self._numbers = count(1)
        (self.home / "redis").mkdir()
        self.redis = RedisServer(self.home / "redis")
        port = free_port()
        settings = {"FEEDBACK_PORT": str(port), "VIGIE_HOME": str(self.home), "REDIS_URL": self.redis.url}
        self.feedback = ServerProcess(
            [sys.executable, "-m", "feedback"], port=port, log=self.home / "feedback.log", environment=settings
        )
        self.url = f"http://127.0.0.1:{port}"
        self.worker = self.new_worker()

    def new_worker(self) -> Worker:
        """A further alerting worker on the same store."""
        settings = {"redis_url": self.redis.url, "smtp_port": self.mails.port, "radar_enabled": "false"}
        return Worker(self.home, **(QUICK | IMPATIENT | settings | {"alert_cooldown_seconds": COOLDOWN_SECONDS}))

    def start(self) -> None:
        """All of them."""
        self.redis.start()
        self.feedback.start()
        self.worker.run()

    def stop(self) -> None:
        """All of them."""
        for process in (self.worker, self.feedback, self.redis):
            process.kill()

    def vote(self, client: httpx.Client, *, verdict: str = "incorrect") -> None:
        """One vote on a prediction of its own, in a scope of the round's own: rounds do not add up."""
        name = BOOK.issue(
            f"tweet {next(self._numbers)}",
            model="logreg",
            version=str(self.rounds),
            probability_negative=0.9,
            created_ms=int(time() * 1000) - 60_000,
        )
        reply = client.post(f"{self.url}/feedback", json={"prediction_id": name, "verdict": verdict})
        assert reply.status_code == 201, reply.text
        self.kept.append(reply.json()["feedback_id"])

    def three_errors(self) -> None:
        """Three votes that are one alert."""
        with httpx.Client(timeout=30) as client:
            for _ in range(3):
                self.vote(client)

    def lost_votes(self) -> int:
        """How many answered votes the store does not have."""
        text = httpx.get(f"{self.url}/feedback/export.csv", params={"raw": "true"}, timeout=120).text
        there = {line.split(",", 1)[0] for line in text.splitlines()}
        return len(set(self.kept) - there)

    def copies(self) -> Counter[str]:
        """How often each mail arrived."""
        return Counter(str(message["Message-ID"]) for message in self.mails.mailbox.messages)

    def settled(self) -> bool:
        """Whether every alert that is due has been mailed and nothing is on its way any more."""
        with suppress(httpx.HTTPError):
            open_ones = [one for one in self.worker.deliveries() if one["next_attempt_at"] or one["state"] == "sending"]
            return len(self.copies()) >= self.rounds and not open_ones
        return False


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One chain for all rounds."""
    mails = MailServer()
    mails.start()
    running = Chain(tmp_path_factory.mktemp("chain"), mails)
    running.worker.environment["ALERT_SCOPE"] = "model"
    running.start()
    yield running
    running.stop()
    mails.stop()


def nothing(chain: Chain) -> None:
    chain.three_errors()


def worker_killed_before(chain: Chain) -> None:
    chain.worker.kill()
    chain.three_errors()
    chain.worker.run()


def worker_killed_amid(chain: Chain) -> None:
    chain.three_errors()
    chain.worker.kill()
    chain.worker.run()


def worker_frozen(chain: Chain) -> None:
    process = chain.worker.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    chain.three_errors()
    other = chain.new_worker()
    other.environment["ALERT_SCOPE"] = "model"
    other.run()
    chain.worker.kill()
    chain.worker = other


def feedback_killed(chain: Chain) -> None:
    chain.three_errors()
    chain.feedback.kill()
    chain.feedback.start()


def redis_killed(chain: Chain) -> None:
    chain.redis.kill()
    chain.three_errors()
    chain.redis.start()


def redis_restarted_empty(chain: Chain) -> None:
    chain.three_errors()
    wait_for(chain.settled, seconds=60, what="the mail before the loss")
    chain.redis.kill()
    for file in (chain.home / "redis").glob("appendonlydir/*"):
        file.unlink()
    chain.redis.start()
    wait_for(chain.worker.ready, seconds=30, what="the worker")


def redis_full(chain: Chain) -> None:
    with redis.Redis.from_url(chain.redis.url) as client:
        client.config_set("maxmemory", 1)
        chain.three_errors()
        client.config_set("maxmemory", 0)


def mail_server_away(chain: Chain) -> None:
    chain.mails.stop()
    chain.three_errors()
    wait_for(lambda: any(one["reply"] for one in chain.worker.deliveries(state="pending")), what="a failed attempt")
    chain.mails.start()


def misbehaving(behaviour: Behaviour) -> Callable[[Chain], None]:
    def refuse(chain: Chain) -> None:
        mailbox = chain.mails.mailbox
        mailbox.behaviour = behaviour
        chain.three_errors()
        wait_for(lambda: mailbox.behaviour is not behaviour or tried(chain), what="a failed attempt")
        chain.mails.mailbox.behaviour = Behaviour()

    return refuse


def tried(chain: Chain) -> bool:
    return any(one["attempts"] and one["state"] in ("pending", "ambiguous") for one in chain.worker.deliveries())


def burst(chain: Chain) -> None:
    """Ten thousand votes that are no errors, from 16 clients, and three errors among them."""
    chain.three_errors()

    def some(numbers: range) -> list[str]:
        with httpx.Client(timeout=120) as client:
            return [one(client, number) for number in numbers]

    def one(client: httpx.Client, number: int) -> str:
        name = BOOK.issue(
            f"burst {number}", model="logreg", version="burst", probability_negative=0.9, created_ms=int(time() * 1000)
        )
        reply = client.post(f"{chain.url}/feedback", json={"prediction_id": name, "verdict": "correct"})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["feedback_id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = pool.map(some, [range(start, BURST, CLIENTS) for start in range(CLIENTS)])
        chain.kept += [name for part in parts for name in part]


ROUNDS: dict[str, Callable[[Chain], None]] = {
    "nothing": nothing,
    "worker killed before the votes": worker_killed_before,
    "worker killed right after the third vote": worker_killed_amid,
    "worker frozen, another takes over": worker_frozen,
    "feedback killed right after the third vote": feedback_killed,
    "Redis away while the votes come": redis_killed,
    "Redis comes back empty": redis_restarted_empty,
    "Redis full while the votes come": redis_full,
    "mail server away": mail_server_away,
    "MAIL refused with 451": misbehaving(Behaviour(refuse={"MAIL": "451 later"})),
    "RCPT refused with 450": misbehaving(Behaviour(refuse={"RCPT": "450 greylisted"})),
    "DATA refused with 452": misbehaving(Behaviour(refuse={"DATA": "452 disk full"})),
    "hangs at DATA": misbehaving(Behaviour(hang_seconds=5, once=True)),
    "connection dropped after the final dot": misbehaving(Behaviour(drop_after_data=True, once=True)),
    f"{BURST:,} votes at once": burst,
}


def test_through_every_calamity_nothing_is_lost(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for name, calamity in ROUNDS.items():
        chain.rounds += 1
        before = chain.copies()
        calamity(chain)
        wait_for(chain.settled, seconds=90, what=f"the mail after: {name}")
        arrived = chain.copies() - before
        lines.append((name, len(arrived), sum(arrived.values()), chain.lost_votes()))
    with capsys.disabled():
        print(f"\n{'calamity':44} mails due  arrived  copies  votes lost of {len(chain.kept):,}")
        for name, mails, copies, lost in lines:
            print(f"{name:44} {1:9} {mails:8} {copies:7} {lost:11}")
    assert [mails for _, mails, _, _ in lines] == [1] * len(lines)
    assert [lost for *_, lost in lines] == [0] * len(lines)
    assert max(copies for _, _, copies, _ in lines) <= 2
    assert len(chain.worker.alerts()) == chain.rounds
