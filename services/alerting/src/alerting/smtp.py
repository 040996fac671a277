"""One mail to one recipient over SMTP: every step under one deadline, every ending told apart.

aiosmtplib's own timeouts are per socket operation, so a server that drips could hold a send for ever; and only the
step tells whether a lost connection may have left a mail behind.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from socket import SOCK_STREAM, gethostname
from typing import Literal

import aiosmtplib
from pydantic import SecretStr

AUTH_CODES = frozenset({530, 534, 535, 538})
START_INPUT, COMPLETED = 354, 250


class Ending(StrEnum):
    """How an attempt ended. `unanswered`: the text was handed over, whether it was taken is not known."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    UNANSWERED = "unanswered"
    ABANDONED = "abandoned"


class Step(StrEnum):
    """Where in the conversation it ended."""

    NAME = "DNS"
    CONNECT = "connect"
    TLS = "TLS"
    AUTH = "auth"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"


_OPENING = frozenset({Step.NAME, Step.CONNECT, Step.TLS, Step.AUTH})
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of an attempt, the step it was at, and the server's words or the error's."""

    ending: Ending
    step: Step
    reply: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A finished mail."""

    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes. `starttls` and `tls` fail closed: no encryption, no valid certificate, no mail."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: SecretStr | None = None
    ca_file: Path | None = None


async def _always() -> bool:
    return True


class Mailer:
    """Sends mails, each over a connection of its own."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def send(
        self, envelope: Envelope, *, seconds: float, before_text: Callable[[], Awaitable[bool]] = _always
    ) -> Answer:
        """One attempt, over after `seconds`. `before_text` runs when the server asks for the text; false abandons it.

        Never raises for anything a server or a network can do; an `OSError` of `before_text` also ends the attempt.
        """
        conversation = _Conversation(self._client(seconds), self._server)
        try:
            async with asyncio.timeout(seconds):
                return await conversation.hold(envelope, before_text)
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(conversation.step, error)
        except TimeoutError:
            return conversation.broken(f"no end within {seconds:g} s")
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:  # the last for a name that is no host's
            return conversation.broken(one_line(str(error)) or type(error).__name__)
        finally:
            conversation.client.close()

    def _client(self, seconds: float) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=_own_name(),
            timeout=seconds,
            use_tls=server.security == "tls",
            start_tls=False,
            cert_bundle=str(server.ca_file) if server.ca_file else None,
        )


class _Conversation:
    """The commands of one mail, and how far it came."""

    def __init__(self, client: aiosmtplib.SMTP, server: SmtpServer) -> None:
        self.client = client
        self.step = Step.NAME
        self._server = server
        self._handed_over = False

    async def hold(self, envelope: Envelope, before_text: Callable[[], Awaitable[bool]]) -> Answer:
        await self._open()
        self.step = Step.MAIL
        await self.client.mail(envelope.sender)
        self.step = Step.RCPT
        await self.client.rcpt(envelope.recipient)
        self.step = Step.DATA
        _expect(START_INPUT, await self.client.execute_command(b"DATA"))
        if not await before_text():
            return Answer(Ending.ABANDONED, self.step, "another worker has taken this mail over")
        taken = _expect(COMPLETED, await self._hand_over(envelope.data))
        return Answer(Ending.ACCEPTED, self.step, one_line(f"{taken.code} {taken.message}"))

    def broken(self, why: str) -> Answer:
        """The connection never was there, was lost, or the deadline passed."""
        if self._handed_over:
            return Answer(Ending.UNANSWERED, self.step, why)
        return Answer(Ending.UNREACHABLE if self.step in _OPENING else Ending.DEFERRED, self.step, why)

    async def _hand_over(self, data: bytes) -> aiosmtplib.SMTPResponse:
        """Sends the text. Not by the client's own `data`, which hides whether the server had asked for it."""
        protocol = self.client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(_as_text(data))  # raises without having sent anything
        self._handed_over = True
        return await protocol.read_response()

    async def _open(self) -> None:
        """A connection that is encrypted and logged in as it must be; nothing is sent before."""
        server = self._server
        await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=SOCK_STREAM)
        self.step = Step.CONNECT
        try:
            await self.client.connect()
            if server.security == "starttls":
                self.step = Step.TLS
                await self.client.starttls()
        except (aiosmtplib.SMTPException, OSError) as error:
            self.step = Step.TLS if _is_about_tls(error) else self.step
            raise
        if server.username and server.password:
            self.step = Step.AUTH
            await self.client.login(server.username, server.password.get_secret_value())


def one_line(reply: str) -> str:
    """A server's words on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in reply).strip()[:480]


def _as_text(data: bytes) -> bytes:
    """What follows a 354 (RFC 5321, 4.5.2): lines that end in CRLF, leading dots doubled, a dot alone at the end."""
    lines = _LINE_END.sub(b"\r\n", data)
    return _LEADING_DOT.sub(b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n") + b".\r\n"


def _expect(code: int, response: aiosmtplib.SMTPResponse) -> aiosmtplib.SMTPResponse:
    if response.code != code:
        raise aiosmtplib.SMTPDataError(response.code, response.message)
    return response


def _refusal(step: Step, error: aiosmtplib.SMTPResponseException) -> Answer:
    reply = one_line(f"{error.code} {error.message}")
    if isinstance(error, aiosmtplib.SMTPHeloError):  # the client says EHLO only with the first command
        step = Step.CONNECT
    if error.code in AUTH_CODES or (isinstance(error, aiosmtplib.SMTPAuthenticationError) and error.code >= 500):
        return Answer(Ending.UNAUTHORISED, step, reply)
    # A greeting or a handshake that is refused says nothing about this mail or its recipient: another try is right.
    permanent = 500 <= error.code < 600 and step not in _OPENING
    return Answer(Ending.REFUSED if permanent else Ending.DEFERRED, step, reply)


def _is_about_tls(error: BaseException | None) -> bool:
    """Whether an error is, or comes from, one of encryption."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _own_name() -> str:
    """For EHLO; asking DNS for a full name could take seconds."""
    name = gethostname()
    return name if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"
