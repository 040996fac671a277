"""The local mailbox of `make run`: an SMTP server that keeps every mail as a file in `VIGIE_HOME/mailbox`."""

import asyncio
import logging
import mailbox
import signal
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import Field

from vigie.logs import configure_logging
from vigie.settings import ServiceSettings

_LOG = logging.getLogger(__name__)


class MailboxSettings(ServiceSettings):
    """Where to listen; mails go to `VIGIE_HOME/mailbox` (a Maildir)."""

    smtp_port: int = Field(1025, ge=1, le=65535)


class KeepingHandler:
    """Stores what it gets, then says 250: a mail that was accepted is on disk."""

    def __init__(self, folder: Path) -> None:
        self._maildir = mailbox.Maildir(folder)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a complete mail."""
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        key = self._maildir.add(raw)
        subject = message_from_bytes(raw, policy=default)["Subject"]
        _LOG.info("mail arrived", extra={"to": ", ".join(envelope.rcpt_tos), "subject": subject, "file": f"new/{key}"})
        return "250 2.0.0 kept"


async def serve(settings: MailboxSettings) -> None:
    """Listens on the loopback until SIGTERM or SIGINT."""
    folder = settings.vigie_home / "mailbox"
    folder.parent.mkdir(parents=True, exist_ok=True)
    handler = KeepingHandler(folder)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True), host="127.0.0.1", port=settings.smtp_port
    )
    async with server:
        await stop.wait()


def main() -> None:
    """`python -m vigie.local.mailbox`."""
    settings = MailboxSettings.read()
    configure_logging("mailbox", settings.log_level)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
