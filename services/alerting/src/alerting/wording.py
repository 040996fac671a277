"""Every sentence of a mail, in one place per language. Figures come in as numbers, times as datetimes in UTC."""

from datetime import datetime
from typing import Protocol

_UNITS = ((24 * 3600 * 1000, "d"), (3600 * 1000, "h"), (60 * 1000, "min"))


class Wording(Protocol):
    """What a language must be able to say."""

    language: str
    no_text: str
    what_to_do: str
    links: str
    votes: str
    all_alerts: str
    interface: str
    by_model: str
    test_subject: str

    def subject(self, count: int, span_ms: int, scope: str) -> str: ...
    def headline(self, count: int, span_ms: int) -> str: ...
    def summary(self, count: int, oldest: datetime, newest: datetime, needed: int, window_ms: int) -> str: ...
    def breakdown(self, counts: list[tuple[str, str, int]]) -> str: ...
    def suppressed(self, count: int) -> str: ...
    def quiet_until(self, until: datetime) -> str: ...
    def predicted(self, label: int, confidence: float) -> str: ...
    def people_say(self, expected_label: int | None, annotators: int) -> str: ...
    def version(self, model: str, version: str) -> str: ...
    def times(self, reported: datetime, predicted: datetime) -> str: ...
    def steps(self, models: list[str]) -> list[str]: ...
    def registry(self, model: str, version: str) -> str: ...
    def footer(self, alert_key: str, fired: datetime) -> str: ...
    def test_text(self, sent: datetime) -> str: ...


class English:
    """English."""

    language = "en"
    no_text = "(text not in the log)"
    what_to_do = "What to do next"
    links = "Links"
    votes = "The votes of that time"
    all_alerts = "All alerts"
    interface = "The interface"
    by_model = "By model"
    test_subject = "[Vigie] Test mail"

    def subject(self, count: int, span_ms: int, scope: str) -> str:
        """Scope and count, never a word of a tweet."""
        where = "all models" if scope == "all" else self.version(*_model_and_version(scope))
        return f"[Vigie] {_many(count, 'wrong prediction')} within {_span(span_ms)}: {where}"

    def headline(self, count: int, span_ms: int) -> str:
        """The first line."""
        return f"{_many(count, 'prediction')} reported wrong within {_span(span_ms)}"

    def summary(self, count: int, oldest: datetime, newest: datetime, needed: int, window_ms: int) -> str:
        """One sentence with the numbers and the rule."""
        first, last = _clock(oldest), _clock(newest)
        when = f"at {last} UTC" if first == last else f"between {first} and {last} UTC"
        rule = f"{_many(needed, 'different prediction')} within less than {duration(window_ms)}"
        return f"On {_day(newest)}, {when}, people reported {_many(count, 'prediction')} as wrong. The rule is {rule}."

    def breakdown(self, counts: list[tuple[str, str, int]]) -> str:
        """How many of the errors each version made."""
        return ", ".join(f"{self.version(model, version)}: {count}" for model, version, count in counts)

    def suppressed(self, count: int) -> str:
        """What the cool-down kept quiet."""
        return f"Since the mail before, {_many(count, 'more error')} met the rule and {_was(count)} kept quiet."

    def quiet_until(self, until: datetime) -> str:
        """When the next mail may come."""
        return f"No further mail of this kind before {_clock(until)} UTC."

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
        return f"reported at {_clock(reported)} UTC, {duration(age)} after the prediction"

    def steps(self, models: list[str]) -> list[str]:
        """What the reader can do, in the order in which it helps."""
        return [
            "Read the tweets: who is right, the people or the model?",
            "Is it one version? See what was served before, and go back if needed: "
            + " or ".join(f"vigie-train rollback --model {model}" for model in models),
            "Is it one subject (an incident, a new word, irony)? Collect labels for it, then train again.",
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


def duration(milliseconds: int) -> str:
    """`4 min 12 s`; at most two units, milliseconds only below ten seconds."""
    parts: list[str] = []
    rest = milliseconds
    for size, name in _UNITS:
        if rest >= size:
            parts.append(f"{rest // size} {name}")
            rest %= size
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") if milliseconds < 10_000 else str(rest // 1000)
    if seconds != "0" or not parts:
        parts.append(f"{seconds} s")
    return " ".join(parts[:2])


_SENTIMENTS = ("negative", "positive")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _span(milliseconds: int) -> str:
    return duration(max(milliseconds, 1000) // 1000 * 1000)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S")


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}"


def _model_and_version(scope: str) -> tuple[str, str]:
    model, _, version = scope.partition(":")
    return model, version
