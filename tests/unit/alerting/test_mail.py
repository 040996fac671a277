"""What a mail says, and what it must never say."""

import email
import email.policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from alerting.links import ActionBook, Sites
from alerting.mail import Letter, MailWriter
from alerting.views import Viewer
from alerting.wording import wording_in
from tests.support.alerts import error_state
from vigie.alerts import RaisedAlert, RaisedError, RisenWord, SurgeFacts, SurgePoint, SurgeTweet
from vigie.masking import masked

NOON = 1_795_435_200_000
SITES = Sites(gateway="http://gateway:8000", mlflow="http://mlflow:5000", ui="http://ui:7860")
NASTY = "<script>alert(1)</script> & \u202eevil\u202c\r\nBcc: victim@example.org 😡 @AirParis https://t.co/abc"


def an_alert(*, scope: str = "all", suppressed: int = 0, cooldown_ms: int = 900_000) -> RaisedAlert:
    states = [
        error_state("a", NOON, text=NASTY),
        error_state("b", NOON + 1000, model="forest", version="12").model_copy(
            update={"text": None, "expected_label": None, "comments": [], "label": 1, "probability_negative": 0.25}
        ),
        error_state("c", NOON + 252_000, text="plain words").model_copy(
            update={"comments": ["ask @bob", "x" * 500], "annotators": 2}
        ),
    ]
    return RaisedAlert(
        alert_key="5d2c006207a9ebeac309cd3bd98d3103a959a157",
        scope=scope,
        rule="errors",
        fired_ms=NOON + 252_050,
        window_ms=300_000,
        cooldown_ms=cooldown_ms,
        suppressed_before=suppressed,
        errors=[RaisedError(at_ms=state.error_ms or 0, state=state) for state in states],
    )


@pytest.fixture
def writer() -> MailWriter:
    return MailWriter(
        [wording_in("en")],
        Viewer(SITES, ActionBook(b"k" * 32)),
        sender="vigie@example.org",
        reply_to="help@example.org",
    )


def write(writer: MailWriter, alert: RaisedAlert, *, attempt: int = 1) -> tuple[bytes, EmailMessage]:
    to = "ops@example.org"
    raw = writer.alert_mail(alert, Letter(to, writer.message_id(alert.alert_key, to), attempt))
    return raw, email.message_from_bytes(raw, policy=email.policy.default)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert isinstance(body, EmailMessage)
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_the_headers_are_those_of_an_automatic_mail_that_can_be_recognised(writer: MailWriter) -> None:
    raw, message = write(writer, an_alert())
    assert message["From"] == "Vigie <vigie@example.org>"
    assert message["To"] == "ops@example.org"
    assert message["Reply-To"] == "help@example.org"
    assert message["Subject"] == "[Vigie] 3 wrong predictions within 4 min 12 s: all models"
    assert message["Date"] == "Mon, 23 Nov 2026 12:04:12 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "Vigie alerts <alerts.example.org>"
    assert message["X-Vigie-Attempt"] == "1"
    assert message["In-Reply-To"] is None, "the first mail of an episode begins a thread"
    assert message.get_content_type() == "multipart/alternative"
    assert b"\r\nMessage-ID: <5d2c006207a9ebeac309." in raw, "on one line"
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_a_resend_differs_in_its_attempt_alone(writer: MailWriter) -> None:
    first, second = (write(writer, an_alert(), attempt=attempt)[0] for attempt in (1, 2))
    assert first.replace(b"X-Vigie-Attempt: 1", b"X-Vigie-Attempt: 2") == second


def test_the_message_id_follows_from_alert_and_recipient(writer: MailWriter) -> None:
    ids = {writer.message_id(key, to) for key in ("a" * 40, "b" * 40) for to in ("ops@example.org", "boss@example.org")}
    assert len(ids) == 4
    assert all(len(f"Message-ID: {each}") <= 78 for each in ids)


@pytest.mark.parametrize("domain", ["example.org", "d" * 56 + ".org", ".".join(["d" * 63] * 3 + ["d" * 57, "org"])])
def test_mails_of_an_episode_name_the_first_one_however_long_the_domain_is(domain: str) -> None:
    sender = f"vigie@{domain}"
    writer = MailWriter([wording_in("fr")], Viewer(Sites(), None), sender=sender, reply_to="")
    to = f"ops@{domain}"
    first, key = writer.message_id("f" * 40, to), an_alert().alert_key
    again, over = (Letter(to, writer.message_id(key, to, kind)) for kind in ("raised", "resolved"))
    alert = an_alert(scope="logreg:é" * 30).model_copy(update={"episode_key": "f" * 40})
    for raw in (
        writer.alert_mail(alert, again),
        writer.resolved_mail(alert, over, resolved_ms=NOON, quiet_ms=900_000),
    ):
        assert raw.count(f": {first}\r\n".encode()) == 2
        assert f"\r\nList-Id: Vigie alerts <alerts.{domain}>\r\n".encode() in raw
        assert raw.isascii()
        headers, _, body = raw.partition(b"\r\n\r\n")
        assert max(map(len, headers.split(b"\r\n"))) <= 998
        assert max(map(len, body.split(b"\r\n"))) <= 78
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert (message["In-Reply-To"], message["References"]) == (first, first)
        assert (message["From"], message["To"]) == (f"Vigie <{sender}>", to)
        assert "logreg:é" in message["Subject"]
        subject = headers.partition(b"\r\nSubject: ")[2].partition(b"\r\nDate: ")[0]
        assert max(map(len, subject.split(b"\r\n"))) <= 78, "what is no id is folded as before"


def test_text_of_a_tweet_is_in_no_header(writer: MailWriter) -> None:
    raw, message = write(writer, an_alert())
    headers = raw.partition(b"\r\n\r\n")[0]
    for word in (b"script", b"evil", b"victim", b"plain words", b"Bcc", b"AirParis"):
        assert word not in headers
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    "scope", ["logreg\r\nBcc: x@example.org:3", "=?utf-8?q?a=0D=0ABcc:_x@example.org=0D=0A=0D=0AHi?="]
)
def test_a_scope_cannot_break_out_of_the_subject(writer: MailWriter, scope: str) -> None:
    raw, message = write(writer, an_alert(scope=scope))
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert b"\r\nBcc" not in raw
    assert message["Message-ID"]


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_both_parts_tell_the_same_facts(writer: MailWriter, kind: str) -> None:
    content = part(write(writer, an_alert(suppressed=5))[1], kind)
    text = words_of(content) if kind == "html" else " ".join(content.split())
    for fact in (
        "3 predictions reported wrong within 4 min 12 s",
        "On Monday 23 November 2026, between 12:00:00 and 12:04:12 UTC, people reported 3 predictions as wrong.",
        "The rule is 3 different predictions within less than 5 min.",
        "logreg version 1: 2, forest version 12: 1",
        "No mail told of 5 more errors that met the rule before and were kept quiet.",
        "No further mail of this kind before Monday 23 November 2026, 12:19:12 UTC.",
        "(text not in the log)",
        "positive, 75% sure",
        "negative, 93% sure",
        "positive (1 person)",
        "wrong (1 person)",
        "positive (2 people)",
        "plain words",
        "no, they are happy",
        "ask @user",
        "reported at 12:00:00 UTC, 5 s after the prediction",
        "vigie-train rollback --model forest",
        "forest version 12 in the registry",
        "😡",
    ):
        assert fact in text, fact


def test_links_lead_to_the_votes_the_alerts_and_the_versions(writer: MailWriter) -> None:
    text = part(write(writer, an_alert())[1], "plain")
    votes = "http://gateway:8000/feedback?verdict=incorrect&since=2026-11-23T12:00:00Z&until=2026-11-23T12:04:13Z"
    for url in (
        votes,
        "http://gateway:8000/alerts",
        "http://mlflow:5000/#/models/vigie-forest/versions/12",
        "http://ui:7860",
    ):
        assert f"\n  {url}\n" in text


def test_without_sites_there_are_no_links(writer: MailWriter) -> None:
    bare = MailWriter([wording_in("en")], Viewer(Sites(), None), sender="vigie@example.org", reply_to="")
    _, message = write(bare, an_alert(cooldown_ms=0))
    assert "http" not in part(message, "plain")
    assert "href" not in part(message, "html")
    assert message["Reply-To"] == "vigie@example.org"
    assert "No further mail" not in part(message, "plain")


def test_html_of_a_tweet_is_shown_and_not_run(writer: MailWriter) -> None:
    html = part(write(writer, an_alert())[1], "html")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; evil Bcc: [mail]" in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@AirParis you lost my bag", "@user you lost my bag"),
        (".@AirParis/@bob", ".@user/@user"),
        ("see https://x.com/bob/status/1?a=b now", "see [link] now"),
        ("www.example.org t.co/abc", "[link] [link]"),
        ("write to bob.smith+air@example.co.uk!", "write to [mail]!"),
        ("50 € @ the gate", "50 € @ the gate"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("👩\u200d✈️ flies", "👩\u200d✈️ flies"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
    ],
)
def test_what_points_at_people_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_test_mail_says_what_it_is(writer: MailWriter) -> None:
    raw = writer.test_mail("ops@example.org", "<test@example.org>", NOON)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == "[Vigie] Test mail"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "This is a test mail, sent 2026-11-23 12:00:00 UTC." in part(message, "plain")


def a_surge(scope: str = "luggage") -> RaisedAlert:
    points = [SurgePoint(at_ms=NOON - 3_600_000 + n * 300_000, negative=n, total=2 * n) for n in range(12)]
    facts = SurgeFacts(
        detectors=["count", "share"],
        first_ms=NOON - 900_000,
        at_ms=NOON,
        count=41,
        total=47,
        baseline=6.2,
        score=9.1,
        tweets=[SurgeTweet(at_ms=NOON - 1000, text=NASTY, score=0.95)],
        words=[RisenWord(word="luggage", count=22, usual=1.2)],
        points=points,
        step_ms=300_000,
    )
    return an_alert(scope=scope).model_copy(
        update={"rule": "surge", "errors": [], "surge": facts, "window_ms": 900_000}
    )


def test_a_surge_has_its_figures_words_and_a_chart_with_a_text_of_its_own(writer: MailWriter) -> None:
    raw, message = write(writer, a_surge())
    assert message["Subject"] == "[Vigie] Surge of negative tweets: 41 tweets in 15 min: luggage"
    text, html = part(message, "plain"), part(message, "html")
    for fact in (
        "6.6 times the usual",
        "41 of 47 tweets were negative",
        "Both detectors agree",
        "luggage (in 22 tweets",
    ):
        assert fact in text
        assert fact in words_of(html)
    (picture,) = [each for each in message.walk() if each.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<chart>"
    assert 'src="cid:chart" alt="Chart: tweets per 5 min over the last 1 h' in html
    assert picture.get_content().startswith(b"\x89PNG")
    assert "[Chart: tweets per 5 min" in text
    assert raw == write(writer, a_surge())[0], "the same facts give the same mail"


def test_french_comes_first_and_english_below() -> None:
    both = MailWriter(
        [wording_in("fr"), wording_in("en")],
        Viewer(SITES, ActionBook(b"k" * 32)),
        sender="vigie@example.org",
        reply_to="",
    )
    for alert, french, english in (
        (an_alert(suppressed=1), "3 prédictions fausses en 4 min 12 s", "3 predictions reported wrong"),
        (
            a_surge("all"),
            "Vague de tweets négatifs, tous les tweets : 6,6 fois",
            "Surge of negative tweets on all tweets",
        ),
    ):
        _, message = write(both, alert)
        for content in (part(message, "plain"), words_of(part(message, "html"))):
            assert 0 < content.find(french) < content.find(english) or content.find(french) == 0
        assert "négati" in message["Subject"] or "fausses" in message["Subject"]


def test_a_digest_tells_all_alerts_in_order(writer: MailWriter) -> None:
    raw = writer.digest_mail([(an_alert(), None), (a_surge(), None)], Letter("ops@example.org", "<d@example.org>"))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == "[Vigie] 2 alerts that could not be mailed before"
    lines = [line for line in part(message, "plain").splitlines() if line.startswith("- ")]
    assert [line.split("UTC  ")[1][:14] for line in lines] == ["3 wrong predic", "Surge of negat"]


def words_of(html: str) -> str:
    """What a browser shows, on one line."""
    reader = Reader()
    reader.feed(html)
    return " ".join(" ".join(reader.found).split())


class Reader(HTMLParser):
    """Collects what is not markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)
