"""Sending over real sockets: every way it can end is told apart."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from alerting.smtp import Answer, Ending, Envelope, Mailer, SmtpServer, Step
from tests.support.mail import Mailbox, MailServer
from tests.support.servers import free_port

MAIL = Envelope("vigie@localhost", "ops@localhost", b"Subject: hello\r\n\r\n.one\r\ntwo\r\n")
TALK = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def send(port: int, *, seconds: float = 5.0, **server: Any) -> Answer:
    return await Mailer(SmtpServer("127.0.0.1", port, **server)).send(MAIL, seconds=seconds)


async def test_an_accepted_mail_arrives_as_it_was_written(mail_server: MailServer) -> None:
    answer = await send(mail_server.port)
    assert answer == Answer(Ending.ACCEPTED, Step.DATA, "250 2.0.0 kept")
    (message,) = mail_server.mailbox.messages
    assert message["Subject"] == "hello"
    assert message.get_content().splitlines() == [".one", "two"]
    assert mail_server.mailbox.recipients == [["ops@localhost"]]


@pytest.mark.parametrize(("stage", "step"), [("MAIL", Step.MAIL), ("RCPT", Step.RCPT), ("DATA", Step.DATA)])
@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        ("421 4.3.2 closing", Ending.DEFERRED),
        ("451 4.7.1 greylisted, come back", Ending.DEFERRED),
        ("550 5.1.1 nobody of that name", Ending.REFUSED),
        ("530 5.7.0 log in first", Ending.UNAUTHORISED),
    ],
)
async def test_a_refusal_is_told_with_its_step_and_the_servers_words(
    mail_server: MailServer, stage: str, step: Step, reply: str, ending: Ending
) -> None:
    mail_server.mailbox.behaviour.refuse = {stage: reply}  # type: ignore[dict-item]
    assert await send(mail_server.port) == Answer(ending, step, reply)
    assert mail_server.mailbox.messages == []


async def test_nobody_listens() -> None:
    answer = await send(free_port())
    assert (answer.ending, answer.step) == (Ending.UNREACHABLE, Step.CONNECT)
    assert "Error connecting to 127.0.0.1" in answer.reply


async def test_a_name_that_does_not_exist_is_unreachable() -> None:
    answer = await Mailer(SmtpServer("no-such-host.invalid", 25)).send(MAIL, seconds=5)
    assert (answer.ending, answer.step) == (Ending.UNREACHABLE, Step.NAME)


async def test_a_hang_after_the_text_leaves_the_mail_unanswered(mail_server: MailServer) -> None:
    mail_server.mailbox.behaviour.hang_seconds = 20
    started = monotonic()
    answer = await send(mail_server.port, seconds=2)
    assert answer == Answer(Ending.UNANSWERED, Step.DATA, "no end within 2 s")
    assert monotonic() - started < 10


async def test_a_connection_lost_after_the_final_dot_leaves_the_mail_unanswered(mail_server: MailServer) -> None:
    mail_server.mailbox.behaviour.drop_after_data = True
    answer = await send(mail_server.port)
    assert (answer.ending, answer.step) == (Ending.UNANSWERED, Step.DATA)
    assert len(mail_server.mailbox.messages) == 1


@asynccontextmanager
async def listening(talk: TALK, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)  # its connections end


async def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number in range(1000):
                writer.write(b"220-%d still thinking\r\n" % number)
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with listening(drip) as port:
        started = monotonic()
        answer = await send(port, seconds=0.5)
    assert answer == Answer(Ending.UNREACHABLE, Step.CONNECT, "no end within 0.5 s")
    assert monotonic() - started < 10


def conversing(at_data: TALK) -> TALK:
    """Says yes to everything until DATA, and goes on as it is told from there."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while (line := await reader.readline()) and not line.startswith(b"DATA"):
            writer.write(b"250 yes\r\n")
        await at_data(reader, writer)
        writer.close()

    return talk


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("at_data", [drop, hang])
async def test_a_connection_lost_before_the_server_asks_for_the_text_hands_nothing_over(at_data: TALK) -> None:
    asked: list[bool] = []

    async def note() -> bool:
        asked.append(True)
        return True

    async with listening(conversing(at_data)) as port:
        answer = await Mailer(SmtpServer("127.0.0.1", port)).send(MAIL, seconds=2, before_text=note)
    assert (answer.ending, answer.step) == (Ending.DEFERRED, Step.DATA)
    assert asked == []


async def test_a_connection_lost_while_the_text_is_on_its_way_leaves_the_mail_unanswered() -> None:
    async def ask_and_drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"354 go on\r\n")
        await reader.readline()

    async with listening(conversing(ask_and_drop)) as port:
        answer = await send(port)
    assert (answer.ending, answer.step) == (Ending.UNANSWERED, Step.DATA)


@pytest.mark.parametrize(("reply", "ending"), [("451 later", Ending.DEFERRED), ("554 never", Ending.REFUSED)])
async def test_a_server_that_does_not_ask_for_the_text_gets_none(reply: str, ending: Ending) -> None:
    rest: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{reply}\r\n".encode())
        rest.append(await reader.read())

    async with listening(conversing(refuse)) as port:
        assert await send(port) == Answer(ending, Step.DATA, reply)
    assert rest == [b""]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (b".one\r\n..\r\na.b", b"..one\r\n...\r\na.b\r\n.\r\n"),
        (b"a\n.b\r.c\n", b"a\r\n..b\r\n..c\r\n.\r\n"),
    ],
)
async def test_the_text_has_whole_lines_and_doubled_dots(written: bytes, sent: bytes) -> None:
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"354 go on\r\n")
        got.append(await reader.readuntil(b"\r\n.\r\n"))
        writer.write(b"250 kept\r\n")

    async with listening(conversing(take)) as port:
        mail = Envelope("vigie@localhost", "ops@localhost", written)
        answer = await Mailer(SmtpServer("127.0.0.1", port)).send(mail, seconds=5)
    assert answer == Answer(Ending.ACCEPTED, Step.DATA, "250 kept")
    assert got == [sent]


@pytest.mark.parametrize("login", [{}, {"username": "vigie", "password": SecretStr("secret")}])
async def test_a_refused_name_is_tried_again_later(login: dict[str, Any]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while (await reader.readline())[:4] in (b"EHLO", b"HELO"):
            writer.write(b"554 5.7.1 too many connections from you\r\n")
        writer.close()

    async with listening(refuse) as port:
        told = Answer(Ending.DEFERRED, Step.CONNECT, "554 5.7.1 too many connections from you")
        assert await send(port, **login) == told


async def test_a_refused_greeting_is_tried_again_later() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 5.3.2 not today\r\n")
        await writer.drain()
        writer.close()

    async with listening(refuse) as port:
        assert await send(port) == Answer(Ending.DEFERRED, Step.CONNECT, "554 5.3.2 not today")


async def test_a_mail_that_is_not_ours_any_more_is_not_handed_over(mail_server: MailServer) -> None:
    async def taken() -> bool:
        return False

    mailer = Mailer(SmtpServer("127.0.0.1", mail_server.port))
    assert (await mailer.send(MAIL, seconds=5, before_text=taken)).ending is Ending.ABANDONED
    assert mail_server.mailbox.messages == []


async def test_starttls_fails_closed_when_it_is_not_offered(mail_server: MailServer) -> None:
    answer = await send(mail_server.port, security="starttls")
    assert (answer.ending, answer.step) == (Ending.UNREACHABLE, Step.TLS)
    assert "STARTTLS" in answer.reply
    assert mail_server.mailbox.messages == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusted(authority: trustme.CA, folder: Path) -> Path:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def test_starttls_with_a_login_delivers(authority: trustme.CA, tmp_path: Path) -> None:
    server = MailServer(tls=server_context(authority), accounts={"vigie": "secret"})
    server.start()
    try:
        login: dict[str, Any] = {"username": "vigie", "security": "starttls", "ca_file": trusted(authority, tmp_path)}
        answer = await send(server.port, password=SecretStr("secret"), **login)
        assert answer.ending is Ending.ACCEPTED
        answer = await send(server.port, password=SecretStr("wrong"), **login)
        assert (answer.ending, answer.step, answer.reply[:3]) == (Ending.UNAUTHORISED, Step.AUTH, "535")
        assert len(server.mailbox.messages) == 1
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example.org"])
async def test_an_unknown_or_wrong_certificate_gets_no_mail(authority: trustme.CA, tmp_path: Path, name: str) -> None:
    server = MailServer(tls=server_context(authority, name))
    server.start()
    try:
        known = trusted(authority, tmp_path) if name != "127.0.0.1" else None
        answer = await send(server.port, security="starttls", ca_file=known)
        assert (answer.ending, answer.step) == (Ending.UNREACHABLE, Step.TLS)
        assert "certificate" in answer.reply.lower()
        assert server.mailbox.messages == []
    finally:
        server.stop()


async def test_tls_from_the_first_byte_delivers(authority: trustme.CA, tmp_path: Path) -> None:
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0, ssl=server_context(authority))
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await send(port, security="tls", ca_file=trusted(authority, tmp_path))
        assert answer.ending is Ending.ACCEPTED
        assert (await send(port, security="none", seconds=0.5)).ending is Ending.UNREACHABLE
    assert len(mailbox.messages) == 1
