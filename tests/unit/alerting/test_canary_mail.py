"""The mail that tells that a challenger was stopped, in both languages."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from alerting.links import ActionBook, Sites
from alerting.mail import Letter, MailWriter
from alerting.views import Viewer
from alerting.wording import Wording, wording_in
from tests.support.alerts import error_state
from vigie.alerts import CANARY, CanaryFacts, RaisedAlert, RaisedError
from vigie.trials import Record, StopReason, TrialReport

NOON = 1_795_435_200_000
SITES = Sites(gateway="http://gateway:8000", mlflow="http://mlflow:5000", ui="")


def stopped(reason: StopReason) -> RaisedAlert:
    """A challenger that people voted down, or that failed."""
    failed = reason is StopReason.ERRS
    report = TrialReport(
        model="logreg",
        alias="challenger",
        trial=Record(version="4", answered=1200, voted=5, errors=3, right=2),
        champion=Record(version="3", answered=10_800, voted=9, errors=1, right=4),
        compared=1200,
        agreed=1100,
        judged=6,
        failed=4 if failed else 0,
    )
    states = [] if failed else [error_state(name, NOON, version="4", text=f"@ann tweet {name}") for name in "abc"]
    return RaisedAlert(
        alert_key="5d2c006207a9ebeac309cd3bd98d3103a959a157",
        scope="logreg:4",
        rule=CANARY,
        fired_ms=NOON,
        window_ms=86_400_000,
        cooldown_ms=0,
        suppressed_before=0,
        errors=[RaisedError(at_ms=NOON, state=state) for state in states],
        canary=CanaryFacts(
            at_ms=NOON, reason=reason, report=report, failure="answered 500 to @ann" if failed else None
        ),
    )


def written(alert: RaisedAlert, *languages: Wording) -> EmailMessage:
    writer = MailWriter(languages, Viewer(SITES, ActionBook(b"k" * 32)), sender="vigie@example.org", reply_to="")
    return email.message_from_bytes(
        writer.alert_mail(alert, Letter("ops@example.org", "<m@x>")), policy=email.policy.default
    )


def told(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_what_people_voted_down_is_told_with_both_sides_numbers() -> None:
    message = written(stopped(StopReason.VOTED_DOWN), wording_in("en"))
    assert message["Subject"] == "[Vigie] Challenger stopped: logreg version 4"
    text = told(message)
    for line in (
        "because people reported 3 of its 1,200 answers wrong, and 1 of the champion's 10,800.",
        "The champion, logreg version 3, answers alone again.",
        "Both said the same of 1,100 of 1,200 tweets.",
        "Of 6 tweets that people voted on, the challenger was right 2 times, the champion 4 times.",
        "1. @user tweet a",
        "http://mlflow:5000/#/models/vigie-logreg/versions/4",
        "http://mlflow:5000/#/models/vigie-logreg/versions/3",
        "Silence this scope for 1 h",
    ):
        assert line in text
    assert "tweet" not in message["Subject"]


def test_one_that_failed_is_told_with_the_last_failure() -> None:
    text = told(written(stopped(StopReason.ERRS), wording_in("en")))
    assert "because it failed for 4 tweets that the champion could answer. Every client got an answer." in text
    assert "The last failure: answered 500 to @user" in text


@pytest.mark.parametrize("reason", StopReason)
def test_french_comes_first_and_english_below(reason: StopReason) -> None:
    message = written(stopped(reason), wording_in("fr"), wording_in("en"))
    assert message["Subject"] == "[Vigie] Challenger arrêté : logreg version 4"
    text = told(message)
    assert text.index("a été retiré du trafic") < text.index("was taken out of the traffic")
    assert "Le champion, logreg version 3, répond de nouveau seul." in text
    assert "a été retiré du trafic" in told(message, "html")


def test_the_digest_after_an_outage_names_it_too() -> None:
    alert = stopped(StopReason.VOTED_DOWN)
    writer = MailWriter((wording_in("en"),), Viewer(SITES, None), sender="vigie@example.org", reply_to="")
    raw = writer.digest_mail([(alert, None), (alert, NOON)], Letter("ops@example.org", "<m@x>"))
    assert "Challenger stopped: logreg version 4" in told(email.message_from_bytes(raw, policy=email.policy.default))
