"""Nothing is forgotten and nothing is sent twice, whatever is killed or away."""

import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, time

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from redis import Redis

from tests.integration.alerting.conftest import Publish
from tests.support.alerting import MakeWorker
from tests.support.alerts import error_state
from tests.support.mail import Behaviour, Mailbox, MailServer
from tests.support.servers import RedisServer, wait_for
from vigie.streams import ALERTS, FEEDBACK

pytestmark = pytest.mark.timeout(300)  # a worker has two minutes for its start


def copies(mail_server: MailServer) -> Counter[str]:
    """How often each mail arrived."""
    return Counter(str(message["Message-ID"]) for message in mail_server.mailbox.messages)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Nobody else can write to the store meanwhile."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_killed_after_it_was_given_the_events_and_before_the_script(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, redis_url: str
) -> None:
    doomed = make_worker().run()
    assert doomed.process is not None
    os.kill(doomed.process.pid, signal.SIGSTOP)
    publish("a", "b", "c")
    with Redis.from_url(redis_url) as redis:
        wait_for(lambda: redis.xpending(FEEDBACK.name, "alerting")["pending"] >= 1, what="a delivered entry")
        doomed.kill()
        assert redis.xlen(ALERTS.name) == 0
    worker = make_worker().run()
    wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
    assert list(copies(mail_server).values()) == [1]


def test_killed_after_the_script_and_before_the_store(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, redis_url: str, tmp_path: Path
) -> None:
    doomed = make_worker().run()
    with Redis.from_url(redis_url) as redis, locked(tmp_path / "alerting.db"):
        publish("a", "b", "c")
        wait_for(lambda: redis.xlen(ALERTS.name) == 1, what="the alert in the outbox")
        wait_for(lambda: redis.xpending(ALERTS.name, "alerting")["pending"] == 1, what="its delivery")
        doomed.kill()
    assert mail_server.mailbox.messages == []
    worker = make_worker().run()
    wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
    assert list(copies(mail_server).values()) == [1]
    assert len(worker.alerts()) == 1


class Interfering(Mailbox):
    """Does something the moment it has taken its first mail, before it says so."""

    def __init__(self, interfere: Callable[[], None]) -> None:
        super().__init__()
        self._interfere = interfere
        self.interfered = Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = await super().handle_DATA(server, session, envelope)
        if len(self.messages) == 1:
            self._interfere()
            self.interfered.set()
        return reply


def test_killed_after_the_mail_server_took_the_mail_it_is_resent_once_and_can_be_recognised(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    doomed = make_worker().run()
    mail_server.stop()
    mail_server.mailbox = Interfering(doomed.kill)
    mail_server.start()
    publish("a", "b", "c")
    wait_for(lambda: mail_server.mailbox.messages, what="the first copy")
    worker = make_worker().run()
    wait_for(lambda: worker.deliveries(state="sent"), what="the second copy")
    first, second = mail_server.mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert (first["X-Vigie-Attempt"], second["X-Vigie-Attempt"]) == ("1", "2")


def test_a_store_that_is_away_after_the_250_makes_no_second_copy(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, tmp_path: Path
) -> None:
    worker = make_worker(delivery_lease_seconds=20).run()
    lock = locked(tmp_path / "alerting.db")
    mail_server.stop()
    mail_server.mailbox = mailbox = Interfering(lock.__enter__)
    mail_server.start()
    publish("a", "b", "c")
    wait_for(mailbox.interfered.is_set, what="the mail")
    lock.__exit__(None, None, None)
    wait_for(lambda: worker.deliveries(state="sent"), what="the record of it")
    assert list(copies(mail_server).values()) == [1]


def test_killed_at_any_moment_every_alert_is_mailed(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    chance = random.Random(20)
    settings = {"alert_cooldown_seconds": 0, "alert_errors": 1}
    expected = 0
    for round_ in range(4):
        doomed = make_worker(**settings).run()
        for number in range(3):
            publish(f"p{round_}-{number}")
            expected += 1
        deadline = monotonic() + chance.uniform(0.0, 0.15)
        wait_for(lambda deadline=deadline: monotonic() > deadline)  # type: ignore[misc]
        doomed.kill()
    worker = make_worker(**settings).run()
    wait_for(lambda: len(worker.deliveries(state="sent")) == expected, what="every mail")
    assert len(copies(mail_server)) == expected
    assert max(copies(mail_server).values()) <= 2
    for message in mail_server.mailbox.messages:
        assert copies(mail_server)[message["Message-ID"]] == 1 or message["X-Vigie-Attempt"] in ("1", "2")


def test_after_a_long_outage_one_mail_tells_all_that_waited(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    settings = {"alert_cooldown_seconds": 0, "alert_errors": 1, "alert_digest_seconds": 1, "smtp_retry_seconds": 0.2}
    worker = make_worker(**settings, smtp_unreachable_limit_seconds=0.5, alert_mail_to="ops@localhost,boss@localhost")
    mail_server.stop()
    worker.run()
    publish("a", "b", "c", "d", "e")
    wait_for(lambda: len(worker.deliveries()) == 10, what="the alerts")
    stored = time()
    wait_for(lambda: time() > stored + 1.5, what="alerts that have waited")
    mail_server.start()
    wait_for(lambda: len(worker.deliveries(state="sent")) == 10, what="everything to be told")
    messages = mail_server.mailbox.messages
    assert len(messages) == 2, "one mail for each of two people"
    assert set(copies(mail_server).values()) == {1}
    for message in messages:
        assert "5" in message["Subject"]
        body = message.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert sum(line.startswith("- ") for line in text.splitlines()) == 10, "five alerts in two languages"


def test_a_digest_that_was_never_answered_is_sent_again_as_the_same_mail(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    settings = {"alert_cooldown_seconds": 0, "alert_errors": 1, "alert_digest_seconds": 1, "smtp_retry_seconds": 0.2}
    worker = make_worker(**settings, smtp_unreachable_limit_seconds=0.5)
    mail_server.stop()
    worker.run()
    publish("a", "b", "c")
    wait_for(lambda: len(worker.deliveries()) == 3, what="the alerts")
    stored = time()
    wait_for(lambda: time() > stored + 1.5, what="alerts that have waited")
    mail_server.mailbox.behaviour = Behaviour(drop_after_data=True, once=True)
    mail_server.start()
    wait_for(lambda: len(worker.deliveries(state="sent")) == 3, what="everything to be told")
    first, second = mail_server.mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content_type() == "multipart/alternative"


def test_two_workers_side_by_side_send_each_mail_once(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    settings = {"alert_cooldown_seconds": 0, "alert_errors": 1, "alert_mail_to": "ops@localhost,boss@localhost"}
    mail_server.mailbox.behaviour.hang_seconds = 0.2  # else one may have sent all before the other looks
    one, two = make_worker(**settings), make_worker(**settings)
    one.run()
    two.run()
    publish(*(f"p{number}" for number in range(40)))
    wait_for(lambda: len(one.deliveries(state="sent")) == 80, what="every mail")
    assert len(copies(mail_server)) == 80
    assert set(copies(mail_server).values()) == {1}
    assert one.logged("mail attempt"), "the first one sent some"
    assert two.logged("mail attempt"), "and so did the second"


def test_a_restart_of_redis_between_the_votes_loses_none(
    make_worker: MakeWorker, mail_server: MailServer, tmp_path: Path
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        worker = make_worker(redis_url=server.url).run()
        put(server.url, "a", "b")
        server.stop()
        wait_for(lambda: not worker.ready(), what="the news")
        server.start()
        put(server.url, "c")
        wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
        assert list(copies(mail_server).values()) == [1]
        wait_for(worker.ready, what="readiness")
    finally:
        worker.kill()
        server.stop()


def put(url: str, *names: str) -> None:
    with Redis.from_url(url) as redis:
        for name in names:
            fields = FEEDBACK.encode([error_state(name, int(time() * 1000))])
            redis.xadd(FEEDBACK.name, dict(fields))


@pytest.mark.parametrize("cooldown", [0, 900])
def test_a_redis_that_lost_everything_and_gets_the_states_again_sends_no_second_mail(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, redis_url: str, cooldown: int
) -> None:
    worker = make_worker(alert_cooldown_seconds=cooldown).run()
    states = publish("a", "b", "c", "d")
    alerts = 2 if cooldown == 0 else 1
    wait_for(lambda: len(worker.deliveries(state="sent")) == alerts, what="the mails")
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        for state in [*reversed(states), *states]:
            redis.xadd(FEEDBACK.name, dict(FEEDBACK.encode([state])))
        wait_for(lambda: handled(redis, FEEDBACK.name), what="the end of the stream")
        assert redis.xlen(ALERTS.name) == 0
    assert len(worker.alerts()) == len(mail_server.mailbox.messages) == alerts
    assert worker.logged("Redis had lost the alerts of a scope; they were restored")


def handled(redis: Redis, stream: str) -> bool:
    """Whether the group has read and acknowledged everything."""
    groups = redis.xinfo_groups(stream) if redis.exists(stream) else []
    return bool(groups) and groups[0]["lag"] == 0 and groups[0]["pending"] == 0


def test_a_mail_server_that_is_away_gets_the_mail_when_it_is_back(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    worker = make_worker().run()
    mail_server.stop()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="pending") and worker.deliveries()[0]["attempts"] >= 3, what="attempts")
    assert "unreachable" not in worker.deliveries()[0]["state"]
    mail_server.start()
    wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
    assert list(copies(mail_server).values()) == [1]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_for_now_is_tried_again(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, stage: str
) -> None:
    mail_server.mailbox.behaviour.refuse = {stage: "451 4.7.1 greylisted"}  # type: ignore[dict-item]
    worker = make_worker().run()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="pending") and worker.deliveries()[0]["attempts"] >= 2, what="attempts")
    assert worker.deliveries()[0]["reply"].endswith("451 4.7.1 greylisted")
    mail_server.mailbox.behaviour.refuse = {}
    wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
    assert mail_server.mailbox.messages[0]["X-Vigie-Attempt"] == "1"


def test_a_refused_recipient_is_dead_and_the_others_are_served(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.mailbox.behaviour.refuse_recipients = {"gone@localhost": "550 5.1.1 no such user"}
    worker = make_worker(alert_mail_to="gone@localhost,ops@localhost").run()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="dead") and worker.deliveries(state="sent"), what="both endings")
    (dead,) = worker.deliveries(state="dead")
    assert (dead["recipient"], dead["attempts"], dead["next_attempt_at"]) == ("gone@localhost", 1, None)
    assert dead["reply"] == "RCPT TO: 550 5.1.1 no such user"
    assert mail_server.mailbox.recipients == [["ops@localhost"]]


def test_after_the_time_for_retries_a_mail_is_dead(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.stop()
    worker = make_worker(smtp_give_up_seconds=0.5).run()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="dead"), what="the end of patience")
    assert worker.deliveries()[0]["reply"].startswith("given up after ")


def test_a_connection_lost_after_the_final_dot_means_one_more_copy_with_the_same_id(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.mailbox.behaviour = Behaviour(drop_after_data=True, once=True)
    worker = make_worker().run()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="sent"), what="the second copy")
    assert [line["ending"] for line in worker.logged("mail attempt")] == ["unanswered", "accepted"]
    assert list(copies(mail_server).values()) == [2]
    assert [message["X-Vigie-Attempt"] for message in mail_server.mailbox.messages] == ["1", "2"]


def test_a_second_loss_after_the_final_dot_ends_it(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.mailbox.behaviour.drop_after_data = True
    worker = make_worker().run()
    publish("a", "b", "c")

    def over() -> bool:
        found = worker.deliveries(state="ambiguous")
        return any(one["attempts"] == 2 and one["next_attempt_at"] is None for one in found)

    wait_for(over, what="the end")
    assert list(copies(mail_server).values()) == [2]


def test_a_hanging_mail_server_does_not_hold_the_others_up(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.mailbox.behaviour = Behaviour(hang_seconds=30, once=True)
    # The lease outlasts the attempt by far: else a starved machine would begin the second one before the first is over.
    worker = make_worker(smtp_timeout_seconds=5, delivery_lease_seconds=60).run()
    publish("a", "b", "c")
    wait_for(lambda: worker.deliveries(state="sent"), what="the mail")
    hung, sent = worker.logged("mail attempt")
    assert (hung["step"], hung["reply"]) == ("DATA", "no end within 5 s")
    assert sent["ending"] == "accepted"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_wrong_password_pauses_all_mail(make_worker: MakeWorker, publish: Publish) -> None:
    guarded = MailServer(accounts={"vigie": "right"})
    guarded.start()
    try:
        login = {"smtp_username": "vigie", "smtp_password": "wrong", "smtp_port": guarded.port}
        worker = make_worker(alert_cooldown_seconds=0, smtp_auth_pause_seconds=60, **login).run()
        publish("a", "b", "c")
        wait_for(lambda: any(one["reply"] for one in worker.deliveries()), what="the refusal")
        publish("d", "e")
        wait_for(lambda: len(worker.alerts()) == 3, what="more alerts")
        tried = [one for one in worker.deliveries() if one["attempts"]]
        assert len(tried) == 1, "the others were not tried"
        assert tried[0]["reply"].startswith("auth: 535")
    finally:
        guarded.stop()
