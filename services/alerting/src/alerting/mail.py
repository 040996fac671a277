"""Composes mails: text and HTML of the same facts, headers that mail programs understand, nothing private in either.

The same alert and recipient always give the same mail, so that a resend can be recognised (RFC 5322 Message-ID,
RFC 3834 Auto-Submitted, RFC 2919 List-Id). Mails of one episode refer to its first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerting import chart
from alerting.answers import moment
from alerting.store import RAISED
from alerting.views import AlertView, Viewer
from alerting.wording import Wording, model_and_version
from vigie.alerts import RaisedAlert
from vigie.durations import MINUTE_MS
from vigie.masking import plain

CHART_ID = "chart"
_PREFIX = "[Vigie] "
_WHOLE = ("In-Reply-To", "References", "List-Id")


@dataclass(frozen=True, slots=True)
class Letter:
    """Which mail to whom; `attempt` counts how often its text was handed over, this time included."""

    recipient: str
    message_id: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """A short mail in one language."""

    words: Wording
    headline: str
    paragraphs: Sequence[str]
    lines: Sequence[str]
    footer: Sequence[str]


class WholeHeader(UnstructuredHeader, BaseHeader):
    """A header on one line, as a `Message-ID` is: a long id is otherwise encoded (RFC 2047), and an id no more."""

    def fold(self, *, policy: Policy) -> str:
        """With a domain of 253 characters, the longest there is, far below the 998 of RFC 5322."""
        return f"{self.name}: {self}{policy.linesep}"


class MailWriter:
    """Writes mails in one or more languages, the first one first, from one sender."""

    def __init__(self, languages: Sequence[Wording], viewer: Viewer, *, sender: str, reply_to: str) -> None:
        self.sender = sender
        self._languages = languages
        self._viewer = viewer
        self._reply_to = reply_to or sender
        self._domain = sender.rpartition("@")[2]
        self._policy = _policy()
        self._templates = Environment(
            loader=PackageLoader("alerting"),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def message_id(self, about: str, recipient: str, kind: str = RAISED) -> str:
        """The same for the same alert, kind and recipient. Short, because some servers mind a folded header."""
        letter = "" if kind == RAISED else f"{kind[0]}."
        return f"<{about[:20]}.{letter}{_digest(recipient)}@{self._domain}>"

    def alert_mail(self, alert: RaisedAlert, letter: Letter) -> bytes:
        """Tells that an alert fired."""
        message = self._envelope(letter, self._subject(alert, self._languages[0]), moment(alert.fired_ms))
        if alert.episode_key and alert.episode_key != alert.alert_key:
            message["References"] = message["In-Reply-To"] = self.message_id(alert.episode_key, letter.recipient)
        self._fill(message, alert, [self._viewer.alert(alert, words) for words in self._languages])
        return message.as_bytes()

    def resolved_mail(self, alert: RaisedAlert, letter: Letter, *, resolved_ms: int, quiet_ms: int) -> bytes:
        """Tells that it is over, with those before it in its episode."""
        language = self._languages[0]
        subject = language.resolved_subject(self._subject(alert, language))
        message = self._envelope(letter, subject, moment(resolved_ms))
        root = alert.episode_key or alert.alert_key
        message["References"] = message["In-Reply-To"] = self.message_id(root, letter.recipient)
        fired, ended = moment(alert.fired_ms), moment(resolved_ms)
        notices = [
            Notice(
                words,
                words.resolved_subject(self._subject(alert, words)).removeprefix(_PREFIX),
                [words.resolved(fired, ended, quiet_ms, first=root == alert.alert_key)],
                [],
                [words.footer(alert.alert_key, fired)],
            )
            for words in self._languages
        ]
        message["X-Vigie-Alert"] = alert.alert_key
        self._fill_notice(message, notices)
        return message.as_bytes()

    def digest_mail(self, alerts: Sequence[tuple[RaisedAlert, int | None]], letter: Letter) -> bytes:
        """Tells of several alerts at once, when they could not be told in time, with the moment of their end if any."""
        first, (oldest, _), (newest, _) = self._languages[0], alerts[0], alerts[-1]
        message = self._envelope(letter, first.digest_subject(len(alerts)), moment(newest.fired_ms))
        notices = [
            Notice(
                words,
                words.digest_subject(len(alerts)).removeprefix(_PREFIX),
                [words.digest(len(alerts), moment(oldest.fired_ms))],
                [self._line(alert, ended, words) for alert, ended in alerts],
                [],
            )
            for words in self._languages
        ]
        self._fill_notice(message, notices)
        return message.as_bytes()

    def test_mail(self, recipient: str, message_id: str, now_ms: int) -> bytes:
        """A mail that only shows that mails arrive."""
        sent = moment(now_ms)
        message = self._envelope(Letter(recipient, message_id), self._languages[0].t("mail.test_subject"), sent)
        text = "\n\n".join(words.test_text(sent) for words in self._languages)
        message.set_content(text + "\n", cte="quoted-printable")
        return message.as_bytes()

    def _subject(self, alert: RaisedAlert, words: Wording) -> str:
        scope = plain(alert.scope)
        if alert.canary:
            return words.canary_subject(*model_and_version(scope))
        if alert.surge:
            return words.surge_subject(scope, alert.surge.count, alert.window_ms // MINUTE_MS)
        return words.subject(len(alert.errors), alert.errors[-1].at_ms - alert.errors[0].at_ms, scope)

    def _line(self, alert: RaisedAlert, ended_ms: int | None, words: Wording) -> str:
        end = f" ({words.over(moment(ended_ms))})" if ended_ms else ""
        told = self._subject(alert, words).removeprefix(_PREFIX)
        return f"{moment(alert.fired_ms):%Y-%m-%d %H:%M:%S} UTC  {told}{end}"

    def _envelope(self, letter: Letter, subject: str, date: datetime) -> EmailMessage:
        message = EmailMessage(policy=self._policy)
        message["From"] = Address("Vigie", addr_spec=self.sender)
        message["To"] = Address(addr_spec=letter.recipient)
        message["Reply-To"] = Address(addr_spec=self._reply_to)
        message["Subject"] = plain(subject).replace("=?", "= ?")  # would be decoded (RFC 2047), with line ends and all
        message["Date"] = format_datetime(date)
        message["Message-ID"] = letter.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["List-Id"] = f"Vigie alerts <alerts.{self._domain}>"
        message["X-Vigie-Attempt"] = str(letter.attempt)
        return message

    def _fill_notice(self, message: EmailMessage, notices: Sequence[Notice]) -> None:
        text, html = (
            self._templates.get_template(f"notice.{kind}.j2").render(notices=notices) for kind in ("text", "html")
        )
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"vigie-{sha256(text.encode()).hexdigest()[:32]}")

    def _fill(self, message: EmailMessage, alert: RaisedAlert, views: Sequence[AlertView]) -> None:
        message["X-Vigie-Alert"] = alert.alert_key
        text, html = (
            self._templates.get_template(f"alert.{kind}.j2").render(views=views, chart_id=CHART_ID)
            for kind in ("text", "html")
        )
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        if alert.surge and alert.surge.points:
            page = message.get_payload()[-1]  # type: ignore[index]
            assert isinstance(page, EmailMessage)  # noqa: S101 - what add_alternative makes
            page.add_related(
                chart.draw(alert.surge), "image", "png", cid=f"<{CHART_ID}>", disposition="inline", filename="chart.png"
            )
            page.set_boundary(f"vigie-{alert.alert_key}-page")
        message.set_boundary(f"vigie-{alert.alert_key}")


def _policy() -> "EmailPolicy[EmailMessage]":
    headers = HeaderRegistry()
    for name in _WHOLE:
        headers.map_to_type(name, WholeHeader)
    return SMTP.clone(header_factory=headers)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
