"""Composes mails: text and HTML of the same facts, headers that mail programs understand, nothing private in either.

The same alert and recipient always give the same mail, so that a resend can be recognised (RFC 5322 Message-ID,
RFC 3834 Auto-Submitted, RFC 2919 List-Id).
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerting.store import moment
from alerting.wording import Wording
from vigie.alerts import RaisedAlert, RaisedError
from vigie.schemas import ErrorState

COMMENTS_SHOWN = 5
_LINK = re.compile(r"\b(?:https?://|www\.|t\.co/)\S+", re.IGNORECASE)
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE = re.compile(r"(?<!\w)[@＠]\w+")
_UNSEEN = re.compile(r"[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sites:
    """Where links lead; an empty one is left out."""

    gateway: str = ""
    mlflow: str = ""
    ui: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a mail."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class TweetView:
    """One error as it is shown."""

    text: str
    predicted: str
    people_say: str
    version: str
    times: str
    comments: list[str]


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as it is shown; the templates only lay it out."""

    headline: str
    summary: str
    breakdown: str
    suppressed: str
    quiet_until: str
    tweets: list[TweetView]
    steps: list[str]
    links: list[Link]
    footer: str


class MailWriter:
    """Writes mails in one language from one sender."""

    def __init__(self, wording: Wording, sites: Sites, *, sender: str, reply_to: str) -> None:
        self.sender = sender
        self._wording = wording
        self._sites = sites
        self._reply_to = reply_to or sender
        self._domain = sender.rpartition("@")[2]
        self._templates = Environment(
            loader=PackageLoader("alerting"),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def message_id(self, about: str, recipient: str) -> str:
        """The same for the same alert and recipient, always. Short, because some servers mind a folded header."""
        return f"<{about[:20]}.{_digest(recipient)}@{self._domain}>"

    def alert_mail(self, alert: RaisedAlert, recipient: str, message_id: str, attempt: int) -> bytes:
        """A mail ready to be sent; `attempt` counts how often its text was handed over, this time included."""
        span_ms = alert.errors[-1].at_ms - alert.errors[0].at_ms
        subject = self._wording.subject(len(alert.errors), span_ms, plain(alert.scope))
        message = self._envelope(recipient, subject, message_id, moment(alert.fired_ms))
        message["X-Vigie-Attempt"] = str(attempt)
        message["X-Vigie-Alert"] = alert.alert_key
        thread = f"<{_digest(alert.scope)}.scope@{self._domain}>"
        message["References"] = message["In-Reply-To"] = thread
        self._fill(message, "alert", self._view(alert))
        message.set_boundary(f"vigie-{alert.alert_key}")
        return message.as_bytes()

    def test_mail(self, recipient: str, message_id: str, now_ms: int) -> bytes:
        """A mail that only shows that mails arrive."""
        sent = moment(now_ms)
        message = self._envelope(recipient, self._wording.test_subject, message_id, sent)
        text = self._wording.test_text(sent)
        message.set_content(text + "\n", cte="quoted-printable")
        return message.as_bytes()

    def _envelope(self, recipient: str, subject: str, message_id: str, date: datetime) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("Vigie", addr_spec=self.sender)
        message["To"] = Address(addr_spec=recipient)
        message["Reply-To"] = Address(addr_spec=self._reply_to)
        message["Subject"] = plain(subject)
        message["Date"] = format_datetime(date)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message["List-Id"] = f"Vigie alerts <alerts.{self._domain}>"
        return message

    def _fill(self, message: EmailMessage, template: str, view: AlertView) -> None:
        text, html = (
            self._templates.get_template(f"{template}.{kind}.j2").render(view=view, words=self._wording)
            for kind in ("text", "html")
        )
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")

    def _view(self, alert: RaisedAlert) -> AlertView:
        words, errors = self._wording, alert.errors
        versions = Counter((error.state.model, error.state.version) for error in errors)
        counts = [(plain(model), plain(version), count) for (model, version), count in versions.most_common()]
        oldest, newest = errors[0].at_ms, errors[-1].at_ms
        quiet = moment(alert.fired_ms + alert.cooldown_ms)
        return AlertView(
            headline=words.headline(len(errors), newest - oldest),
            summary=words.summary(len(errors), moment(oldest), moment(newest), len(errors), alert.window_ms),
            breakdown=words.breakdown(counts),
            suppressed=words.suppressed(alert.suppressed_before) if alert.suppressed_before else "",
            quiet_until=words.quiet_until(quiet) if alert.cooldown_ms else "",
            tweets=[self._tweet(error) for error in errors],
            steps=words.steps(list(dict.fromkeys(model for model, _, _ in counts))),
            links=self._links(counts, oldest, newest),
            footer=words.footer(alert.alert_key, moment(alert.fired_ms)),
        )

    def _tweet(self, error: RaisedError) -> TweetView:
        words, state = self._wording, error.state
        return TweetView(
            text=words.no_text if state.text is None else masked(state.text),
            predicted=words.predicted(state.label, confidence(state)),
            people_say=words.people_say(state.expected_label, state.annotators),
            version=words.version(plain(state.model), plain(state.version)),
            times=words.times(moment(error.at_ms), moment(state.predicted_ms)),
            comments=[masked(comment) for comment in state.comments[:COMMENTS_SHOWN]],
        )

    def _links(self, counts: list[tuple[str, str, int]], oldest_ms: int, newest_ms: int) -> list[Link]:
        words, sites = self._wording, self._sites
        until = (newest_ms // 1000 + 1) * 1000
        when = urlencode({"verdict": "incorrect", "since": _iso(oldest_ms), "until": _iso(until)}, safe=":")
        links = [Link(words.interface, sites.ui)] if sites.ui else []
        if sites.gateway:
            base = sites.gateway.rstrip("/")
            links += [Link(words.votes, f"{base}/feedback?{when}"), Link(words.all_alerts, f"{base}/alerts")]
        if sites.mlflow:
            base = f"{sites.mlflow.rstrip('/')}/#/models"
            links += [
                Link(words.registry(model, version), f"{base}/vigie-{quote(model)}/versions/{quote(version)}")
                for model, version, _ in counts
            ]
        return links


def confidence(state: ErrorState) -> float:
    """The probability of the label that was answered."""
    return state.probability_negative if state.label == 0 else 1 - state.probability_negative


def plain(text: str) -> str:
    """One line without control characters, and without the marks that turn the direction of writing around."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def masked(text: str) -> str:
    """One line of a tweet without what points at people: handles, mail addresses and links are replaced."""
    return _HANDLE.sub("@user", _MAIL_ADDRESS.sub("[mail]", _LINK.sub("[link]", plain(text))))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _iso(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
