"""Mails in English."""

from datetime import datetime

from alerting.wording import clock, duration, minute, model_and_version, whole_seconds
from vigie.trials import StopReason, TrialReport

_SENTIMENTS = ("negative", "positive")


class English:
    """English."""

    language = "en"
    colon = ":"
    no_text = "(text not in the log)"
    what_to_do = "What to do next"
    links = "Links"
    votes = "The votes of that time"
    all_alerts = "All alerts"
    interface = "The interface"
    actions = "With one click (each asks once more)"
    people = "people say"
    typical = "Typical tweets"
    risen = "Words that rose most"
    false_alarm = "This is a false alarm"
    test_subject = "[Vigie] Test mail"

    def subject(self, count: int, span_ms: int, scope: str) -> str:
        """Scope and count, never a word of a tweet."""
        where = "all models" if scope == "all" else self.version(*model_and_version(scope))
        return f"[Vigie] {_many(count, 'wrong prediction')} within {duration(whole_seconds(span_ms))}: {where}"

    def headline(self, count: int, span_ms: int) -> str:
        """The first line."""
        return f"{_many(count, 'prediction')} reported wrong within {duration(whole_seconds(span_ms))}"

    def summary(self, count: int, oldest: datetime, newest: datetime, needed: int, window_ms: int) -> str:
        """One sentence with the numbers and the rule."""
        first, last = clock(oldest), clock(newest)
        when = f"at {last} UTC" if first == last else f"between {first} and {last} UTC"
        rule = f"{_many(needed, 'different prediction')} within less than {duration(window_ms)}"
        return f"On {_day(newest)}, {when}, people reported {_many(count, 'prediction')} as wrong. The rule is {rule}."

    def day(self, errors: int, predictions: int) -> str:
        """The share of errors of the last 24 hours."""
        if not predictions:
            return f"In the last 24 h: {_many(errors, 'prediction')} reported wrong."
        share = f"{errors / predictions:.1%}".replace("%", " %")
        return f"In the last 24 h: {errors:,} of {predictions:,} predictions reported wrong ({share})."

    def said(self, model: str, version: str) -> str:
        """Before what the model said."""
        return f"{self.version(model, version)} said"

    def breakdown(self, counts: list[tuple[str, str, int]]) -> str:
        """How many of the errors each version made."""
        return "By model: " + ", ".join(f"{self.version(model, version)}: {count}" for model, version, count in counts)

    def suppressed(self, count: int) -> str:
        """What the cool-down kept quiet."""
        return f"Since the mail before, {_many(count, 'more error')} met the rule and {_was(count)} kept quiet."

    def quiet_until(self, until: datetime) -> str:
        """When the next mail may come."""
        return f"No further mail of this kind before {clock(until)} UTC."

    def predicted(self, label: int, confidence: float) -> str:
        """What the model said."""
        return f"{_SENTIMENTS[label]}, {confidence:.0%} sure".replace("%", " %")

    def people_say(self, expected_label: int | None, annotators: int) -> str:
        """What people said of it."""
        opinion = "wrong" if expected_label is None else _SENTIMENTS[expected_label]
        return f"{opinion} ({'1 person' if annotators == 1 else f'{annotators} people'})"

    def version(self, model: str, version: str) -> str:
        """A model's name."""
        return f"{model} version {version}"

    def times(self, reported: datetime, predicted: datetime) -> str:
        """When it was reported, and how old the prediction was then."""
        age = max(0, round((reported - predicted).total_seconds() * 1000))
        return f"reported at {clock(reported)} UTC, {duration(age)} after the prediction"

    def steps(self, models: list[str]) -> list[str]:
        """The run book: what the reader can do, in the order in which it helps."""
        rollback = " or ".join(f"vigie-train rollback --model {model}" for model in models)
        return [
            "Read the tweets: who is right, the people or the model?",
            "The model is: press “false alarm”, so that it shows in the history.",
            f"The people are, and it is one version: go back to what was served before: {rollback}",
            "It is one subject (an incident, a new word, irony): collect labels for it, then train again.",
            "It goes on and is known: silence this scope, and tell the person on duty.",
        ]

    def registry(self, model: str, version: str) -> str:
        """Names the link to a version in the registry."""
        return f"{self.version(model, version)} in the registry"

    def footer(self, alert_key: str, fired: datetime) -> str:
        """Where this mail comes from."""
        when = fired.strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"Alert {alert_key[:12]}, raised {when} by Vigie. Names and links in tweets are masked."

    def test_text(self, sent: datetime) -> str:
        """The text of a test mail."""
        when = sent.strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"This is a test mail, sent {when}. If you can read it, alerts of Vigie reach you."

    def silence(self, hours: int) -> str:
        """Names the link that silences."""
        return f"Silence this scope for {hours} h"

    def surge_subject(self, scope: str, count: int, minutes: int) -> str:
        """A subject line with scope and count, never a tweet."""
        return f"[Vigie] Surge of negative tweets: {_many(count, 'tweet')} in {minutes} min: {_where(scope)}"

    def surge_headline(self, scope: str, factor: float) -> str:
        """The first line."""
        return f"Surge of negative tweets on {_where(scope)}: {factor:.1f} times the usual"

    def surge_summary(self, count: int, total: int, first: datetime, last: datetime, baseline: float) -> str:
        """One sentence with the numbers."""
        return (
            f"On {_day(first)}, between {minute(first)} and {minute(last)} UTC, {count} of {_many(total, 'tweet')} "
            f"were negative; about {baseline:.0f} negative ones were to be expected."
        )

    def detectors(self, names: list[str]) -> str:
        """Which opinions agree."""
        opinions = {"count": "there are more negative tweets than usual", "share": "a larger share is negative"}
        found = " and ".join(opinions[name] for name in names)
        return f"{'Both detectors agree' if len(names) > 1 else 'One detector of two says'}: {found}."

    def word(self, word: str, count: int, usual: float) -> str:
        """One word that rose."""
        return f"{word} (in {count} tweets, usually {usual:.1f})"

    def chart(self, step_minutes: int, hours: int, highest: int) -> str:
        """The chart, for those who do not see it."""
        return (
            f"Chart: tweets per {step_minutes} min over the last {hours} h, negative ones in red. "
            f"The highest bar has {_many(highest, 'negative tweet')}."
        )

    def written(self, at: datetime, score: float) -> str:
        """When a tweet was written, and how sure the model is."""
        return f"{clock(at)} UTC, negative, {score:.0%} sure".replace("%", " %")

    def surge_steps(self) -> list[str]:
        """The run book of a surge."""
        return [
            "Read the tweets and the words: is it one incident, or one conversation?",
            "An incident: tell the person on duty for communication, with this mail.",
            "Look at the interface and on Twitter whether it is still growing.",
            "The model is wrong about these tweets: vote on them, and press “false alarm”.",
            "It is known and will last: silence this scope; the next mail comes when the silence is over.",
        ]

    def canary_subject(self, model: str, version: str) -> str:
        """Which version, never a word of a tweet."""
        return f"[Vigie] {self.canary_headline(model, version)}"

    def canary_headline(self, model: str, version: str) -> str:
        """The first line."""
        return f"Challenger stopped: {self.version(model, version)}"

    def canary_summary(self, report: TrialReport, reason: StopReason, at: datetime) -> str:
        """One sentence with the reason."""
        when = f"On {_day(at)}, at {clock(at)} UTC, {self.version(report.model, report.trial.version)}"
        if reason is StopReason.ERRS:
            failed = f"it failed for {_many(report.failed, 'tweet')} that the champion could answer"
            return f"{when} was taken out of the traffic because {failed}. Every client got an answer."
        mine = f"{report.trial.errors:,} of its {report.trial.answered:,} answers wrong"
        theirs = f"{report.champion.errors:,} of the champion's {report.champion.answered:,}"
        return f"{when} was taken out of the traffic because people reported {mine}, and {theirs}."

    def canary_facts(self, report: TrialReport) -> list[str]:
        """How it and the champion compare."""
        same = f"Both said the same of {report.agreed:,} of {report.compared:,} tweets."
        right = f"the challenger was right {report.trial.right:,} times, the champion {report.champion.right:,} times."
        return [
            f"The champion, {self.version(report.model, report.champion.version)}, answers alone again.",
            *([same] if report.compared else []),
            *([f"Of {_many(report.judged, 'tweet')} that people voted on, {right}"] if report.judged else []),
        ]

    def canary_failure(self, failure: str) -> str:
        """How it failed last."""
        return f"The last failure: {failure}"

    def canary_steps(self, model: str) -> list[str]:
        """The run book of a stopped challenger."""
        return [
            "Nothing is urgent: the champion answers, and this version gets no more tweets, also after a restart.",
            "Compare both in GET /models, and read the tweets: are the people right?",
            f"They are: train again, or take the alias “challenger” of vigie-{model} away.",
            "They are not: register the version again; a new number is tried anew.",
        ]

    def resolved_subject(self, subject: str) -> str:
        """Of the mail that says that it is over."""
        return subject.replace("[Vigie]", "[Vigie] Over:", 1)

    def resolved(self, fired: datetime, ended: datetime, quiet_ms: int) -> str:
        """What the mail says that tells that it is over."""
        return (
            f"The alert of {_day(fired)}, {clock(fired)} UTC, is over since {clock(ended)} UTC: "
            f"nothing new came for {duration(quiet_ms)}."
        )

    def over(self, ended: datetime) -> str:
        """Beside an alert that is over."""
        return f"over since {clock(ended)} UTC"

    def digest_subject(self, count: int) -> str:
        """Of the one mail after an outage."""
        return f"[Vigie] {_many(count, 'alert')} that could not be mailed before"

    def digest(self, count: int, oldest: datetime) -> str:
        """What the one mail after an outage says."""
        return (
            f"Mail could not be delivered for a while. Since {_day(oldest)}, {clock(oldest)} UTC, "
            f"{_many(count, 'alert')} fired; they are told here together."
        )


def _where(scope: str) -> str:
    return "all tweets" if scope == "all" else scope


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}"
