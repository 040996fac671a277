"""The sender with a real mail server, and the clock in the test's hands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from alerting import parts
from alerting.deliveries import Decision
from alerting.mail import MailWriter
from alerting.sender import Sender, SenderTiming
from alerting.settings import AlertingSettings
from alerting.store import AlertStore, Recipient
from tests.integration.alerting.kept import MINUTE, NOON, Clock, queue_of, raised
from tests.support.eventually import eventually
from tests.support.mail import MailServer
from vigie.alerts import DeliveryState

OPS = "ops@localhost"
Sending = Callable[..., AbstractAsyncContextManager[Sender]]


@pytest.fixture
def settings(mail_server: MailServer, tmp_path: Path) -> AlertingSettings:
    return AlertingSettings.read(vigie_home=tmp_path, smtp_port=mail_server.port)


@pytest.fixture
def writer(settings: AlertingSettings) -> MailWriter:
    return parts.mail_writer(settings)


@pytest.fixture
def sending(store: AlertStore, clock: Clock, settings: AlertingSettings, writer: MailWriter) -> Sending:
    """A sender at work."""

    @asynccontextmanager
    async def start(owner: str = "one") -> AsyncIterator[Sender]:
        sender = Sender(
            queue_of(store, owner),
            parts.mailer(settings),
            writer,
            pauses=parts.pauses(settings),
            timing=SenderTiming(poll=0.05),
            now_ms=clock,
            chance=lambda: 0.5,
        )
        running = asyncio.create_task(sender.run())
        yield sender
        await sender.stop()
        await running

    return start


async def keep(store: AlertStore, writer: MailWriter, *keys: str) -> dict[str, str]:
    """Alerts to be mailed to one person; the `Message-ID` of each."""
    own = {key: writer.message_id(key, OPS) for key in keys}
    for key, message_id in own.items():
        await store.keep(raised(key, fired_ms=NOON), [Recipient(OPS, message_id)])
    return own


async def test_after_a_refused_digest_is_replayed_each_alert_has_a_message_id_of_its_own(
    store: AlertStore, clock: Clock, mail_server: MailServer, writer: MailWriter, sending: Sending
) -> None:
    queue = queue_of(store)
    own = await keep(store, writer, "a", "b")
    clock.now += 60 * MINUTE
    mail_server.mailbox.behaviour.refuse = {"DATA": "553 mailbox name invalid"}

    async def refused() -> bool:
        return len(await queue.dead()) == len(own)

    async def taken() -> bool:
        return len(mail_server.mailbox.messages) == len(own)

    async with sending():
        await eventually(refused)
        mail_server.mailbox.behaviour.refuse = {}
        assert await queue.replay() == 2
        await eventually(taken)
    sent = {message["X-Vigie-Alert"]: message["Message-ID"] for message in mail_server.mailbox.messages}
    assert sent == own


async def test_a_digest_is_one_attempt_and_each_of_its_alerts_has_waited_for_it(
    store: AlertStore,
    clock: Clock,
    mail_server: MailServer,
    writer: MailWriter,
    sending: Sending,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await keep(store, writer, "a", "b", "c")
    clock.now += 60 * MINUTE
    attempts, waits = mails_told()

    async def taken() -> bool:
        return len(mail_server.mailbox.messages) == 1

    with caplog.at_level("INFO", "alerting.sender"):
        async with sending() as sender:
            await eventually(taken)
    assert sender.last_answer == "ok"
    assert mails_told() == (attempts + 1, waits + 3)
    (line,) = [record for record in caplog.records if record.message == "mail attempt"]
    assert vars(line)["alerts"] == 3


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_what_a_worker_did_not_finish_of_a_digest_is_resent_once_by_the_two_that_are_left(
    store: AlertStore, clock: Clock, mail_server: MailServer, writer: MailWriter, sending: Sending
) -> None:
    lost, queue = queue_of(store, "lost"), queue_of(store)
    for number in range(3):
        await keep(store, writer, *(f"{key}{number}" for key in "abc"))
        clock.now += 60 * MINUTE
        lease = await lost.lease()
        assert lease is not None
        company = await lost.lease_company(lease, waiting_since_ms=clock.now - 30 * MINUTE)
        assert await lost.hand_over([lease, *company], f"<digest.{number}@localhost>")
        for finished in [lease, *company][:number]:
            assert await lost.finish(finished, Decision(DeliveryState.SENT, "250 ok", 0))
        clock.now += MINUTE

        async def sent(done: int = 3 * (number + 1)) -> bool:
            return (await queue.counts())[DeliveryState.SENT] == done

        async with sending("two"), sending("three"):
            await eventually(sent)
        ids = [message["Message-ID"] for message in mail_server.mailbox.messages]
        assert ids == [f"<digest.{each}@localhost>" for each in range(number + 1)]


def mails_told() -> tuple[float, float]:
    """Of accepted mails: how many attempts, and how many alerts' times, Prometheus knows of."""
    attempts = REGISTRY.get_sample_value("vigie_alert_mail_attempts_total", {"ending": "accepted"})
    return attempts or 0.0, REGISTRY.get_sample_value("vigie_alert_mail_seconds_count") or 0.0
