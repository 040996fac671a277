"""The sender with a real mail server, and the clock in the test's hands."""

import asyncio
from pathlib import Path

from alerting import parts
from alerting.sender import Sender, SenderTiming
from alerting.settings import AlertingSettings
from alerting.store import AlertStore, Recipient
from tests.integration.alerting.kept import MINUTE, NOON, Clock, queue_of, raised
from tests.support.eventually import eventually
from tests.support.mail import MailServer

OPS = "ops@localhost"


async def test_after_a_refused_digest_is_replayed_each_alert_has_a_message_id_of_its_own(
    store: AlertStore, clock: Clock, mail_server: MailServer, tmp_path: Path
) -> None:
    settings = AlertingSettings.read(vigie_home=tmp_path, smtp_port=mail_server.port)
    writer, queue = parts.mail_writer(settings), queue_of(store)
    own = {key: writer.message_id(key, OPS) for key in ("a", "b")}
    for key, message_id in own.items():
        await store.keep(raised(key, fired_ms=NOON), [Recipient(OPS, message_id)])
    clock.now += 60 * MINUTE
    mail_server.mailbox.behaviour.refuse = {"DATA": "553 mailbox name invalid"}
    sender = Sender(
        queue,
        parts.mailer(settings),
        writer,
        pauses=parts.pauses(settings),
        timing=SenderTiming(poll=0.05),
        now_ms=clock,
        chance=lambda: 0.5,
    )
    sending = asyncio.create_task(sender.run())

    async def refused() -> bool:
        return len(await queue.dead()) == len(own)

    async def taken() -> bool:
        return len(mail_server.mailbox.messages) == len(own)

    await eventually(refused)
    mail_server.mailbox.behaviour.refuse = {}
    assert await queue.replay() == 2
    await eventually(taken)
    await sender.stop()
    await sending
    sent = {message["X-Vigie-Alert"]: message["Message-ID"] for message in mail_server.mailbox.messages}
    assert sent == own
