"""The test mail: through the same server and the same headers as an alert, answered at once."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from alerting.mail import MailWriter
from alerting.smtp import Answer, Ending, Envelope, Mailer
from alerting.store import Clock
from vigie.alerts import TestMailResult
from vigie.errors import Unavailable, VigieError


class MailRefused(VigieError):
    """The mail server answered, and does not take the mail."""

    status = 502
    code = "mail_refused"


class TrialMail:
    """Sends test mails to everybody who gets alerts."""

    def __init__(
        self, mailer: Mailer, writer: MailWriter, recipients: Sequence[str], *, seconds: float, now_ms: Clock
    ) -> None:
        self._mailer = mailer
        self._writer = writer
        self._recipients = recipients
        self._seconds = seconds
        self._now_ms = now_ms

    async def send(self) -> TestMailResult:
        """What the server said for each recipient.

        Raises `MailRefused` when it took the mail for nobody, `Unavailable` when it could not be talked to.
        """
        message_id = self._writer.message_id(f"test-{uuid4().hex}", "")
        answers = await asyncio.gather(*(self._send_to(recipient, message_id) for recipient in self._recipients))
        accepted = [answer.ending is Ending.ACCEPTED for answer in answers]
        if not any(accepted):
            raise _failure(answers[0])
        replies = {to: _told(answer) for to, answer in zip(self._recipients, answers, strict=True)}
        return TestMailResult(accepted=all(accepted), message_id=message_id, replies=replies)

    async def _send_to(self, recipient: str, message_id: str) -> Answer:
        data = self._writer.test_mail(recipient, message_id, self._now_ms())
        return await self._mailer.send(Envelope(self._writer.sender, recipient, data), seconds=self._seconds)


def _told(answer: Answer) -> str:
    return answer.reply if answer.ending is Ending.ACCEPTED else f"{answer.ending} at {answer.step}: {answer.reply}"


def _failure(answer: Answer) -> VigieError:
    message = f"the mail server failed at {answer.step}: {answer.reply}"
    if answer.ending in (Ending.UNREACHABLE, Ending.UNANSWERED) or not answer.reply[:3].isdigit():
        return Unavailable(message, code="mail_server_unavailable", retry_after=10)
    return MailRefused(message)
