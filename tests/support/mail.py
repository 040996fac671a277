"""A real SMTP server that can misbehave on purpose."""

import asyncio
import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.servers import free_port

Stage = Literal["MAIL", "RCPT", "DATA"]
PATIENCE_SECONDS = 60


@dataclass
class Behaviour:
    """What goes wrong: replies by stage or recipient, a hang in seconds at DATA, a drop after the final dot.

    With `once` only the first mail that gets as far as DATA meets it: then the mailbox behaves.
    `refuse` maps a stage to the reply it gets; `refuse_recipients` does so per address at RCPT.
    """

    refuse: dict[Stage, str] = field(default_factory=dict)
    refuse_recipients: dict[str, str] = field(default_factory=dict)
    hang_seconds: float = 0.0
    drop_after_data: bool = False
    once: bool = False


class Mailbox:
    """The handler: keeps every accepted mail in `messages`, with its envelope recipients in `recipients`."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []

    async def handle_MAIL(  # noqa: N802 - the name is the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.behaviour.refuse.get("MAIL"):
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.behaviour.refuse.get("RCPT") or self.behaviour.refuse_recipients.get(address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.behaviour
        if behaviour.once:
            self.behaviour = Behaviour()
        if behaviour.hang_seconds:
            await asyncio.sleep(behaviour.hang_seconds)
        if reply := behaviour.refuse.get("DATA"):
            return reply
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self.messages.append(email.message_from_bytes(raw, policy=email.policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        if behaviour.drop_after_data and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "250 2.0.0 kept"


class _Controller(Controller):
    """Knows its connections, and leaves none of them half open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections: list[SMTP] = []

    def factory(self) -> SMTP:
        connection: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._connections.append(connection)
        return connection

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(PATIENCE_SECONDS)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        if self.server:
            self.server.close()
        await asyncio.sleep(0.01)  # what was accepted becomes a connection
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await asyncio.sleep(0.01)


class MailServer:
    """An SMTP server on a free port of the loopback; `stop()` and `start()` keep port and mails."""

    def __init__(self, *, tls: SSLContext | None = None, accounts: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.mailbox = Mailbox()
        self._tls = tls
        self._accounts = accounts
        self._controller: _Controller | None = None

    def start(self) -> None:
        """Listens; accepts the accounts given, over STARTTLS when a TLS context was given."""
        options: dict[str, Any] = {"tls_context": self._tls, "require_starttls": True} if self._tls else {}
        if self._accounts is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": bool(self._tls)}
        options["ready_timeout"] = PATIENCE_SECONDS
        self._controller = _Controller(self.mailbox, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()

    def stop(self) -> None:
        """Closes the port and every connection."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        known = (
            isinstance(data, LoginPassword)
            and (self._accounts or {}).get(data.login.decode()) == data.password.decode()
        )
        return AuthResult(success=known, handled=False)  # a wrong password is answered with 535
