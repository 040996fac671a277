"""The sentences of mails in one language, from the catalogue that the page has its own from (`vigie.wording`).

Figures come in as numbers, times as datetimes in UTC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from vigie.durations import DAY_MS, HOUR_MS, MINUTE_MS
from vigie.schemas import EVERYTHING
from vigie.trials import StopReason, TrialReport
from vigie.wording import Language, Texts, texts_in

_SIZES = (DAY_MS, HOUR_MS, MINUTE_MS)


@dataclass(frozen=True, slots=True)
class Wording:
    """Every sentence of a mail that needs more than a look into the catalogue, which `t` is."""

    t: Texts

    def subject(self, count: int, span_ms: int, scope: str) -> str:
        """Scope and count, never a word of a tweet."""
        where = self.t("mail.all_models") if scope == EVERYTHING else self.version(*model_and_version(scope))
        errors, span = self.t.count("mail.wrong", count), self.duration(whole_seconds(span_ms))
        return self.t("mail.errors.subject", errors=errors, span=span, scope=where)

    def headline(self, count: int, span_ms: int) -> str:
        """The first line."""
        return self.t.count("mail.headline", count, span=self.duration(whole_seconds(span_ms)))

    def summary(self, count: int, oldest: datetime, newest: datetime, needed: int, window_ms: int) -> str:
        """One sentence with the numbers and the rule."""
        first, last = clock(oldest), self._beside(oldest, newest, clock)
        when = self.t("mail.at", at=last) if first == last else self.t("mail.between", first=first, last=last)
        reported = self.t.count("mail.reported", count)
        rule = self.t.count("mail.rule", needed, window=self.duration(window_ms))
        return self.t("mail.errors.summary", day=self.day_of(oldest), when=when, reported=reported, rule=rule)

    def breakdown(self, counts: list[tuple[str, str, int]]) -> str:
        """How many of the errors each version made."""
        parts = [
            self.t("mail.errors.part", version=self.version(model, version), count=self.t.number(count))
            for model, version, count in counts
        ]
        return self.t("mail.errors.breakdown", parts=", ".join(parts))

    def day(self, errors: int, predictions: int) -> str:
        """The share of errors of the last 24 hours; the errors alone where not all predictions are known."""
        if predictions < max(errors, 1):
            return self.t.count("mail.day_alone", errors)
        share = self.t.percent(errors / predictions, 1)
        return self.t.count("mail.day", errors, predictions=self.t.number(predictions), share=share)

    def suppressed(self, count: int) -> str:
        """What the cool-down kept quiet."""
        return self.t.count("mail.suppressed", count)

    def quiet_until(self, until: datetime) -> str:
        """When the next mail may come."""
        return self.t("mail.quiet_until", until=self._with_day(until, clock))

    def said(self, model: str, version: str) -> str:
        """Before what the model said."""
        return self.t("mail.said", version=self.version(model, version))

    def predicted(self, label: int, confidence: float) -> str:
        """What the model said."""
        return self.t("mail.predicted", sentiment=self.t(f"mail.sentiment.{label}"), share=self.t.percent(confidence))

    def people_say(self, expected_label: int | None, annotators: int) -> str:
        """What people said of it."""
        wrong = expected_label is None
        opinion = self.t("mail.wrong_opinion") if wrong else self.t(f"mail.sentiment.{expected_label}")
        return self.t.count("mail.annotators", annotators, opinion=opinion)

    def version(self, model: str, version: str) -> str:
        """A model's name."""
        return self.t("mail.version", model=model, version=version)

    def times(self, reported: datetime, predicted: datetime) -> str:
        """When it was reported, and how old the prediction was then."""
        age = max(0, round((reported - predicted).total_seconds() * 1000))
        return self.t("mail.times", reported=clock(reported), age=self.duration(age))

    def steps(self, models: list[str]) -> list[str]:
        """The run book: what the reader can do, in the order in which it helps."""
        rollback = self.t("mail.or").join(f"vigie-train rollback --model {model}" for model in models)
        return self.t("mail.errors.steps", rollback=rollback).splitlines()

    def registry(self, model: str, version: str) -> str:
        """Names the link to a version in the registry."""
        return self.t("mail.registry", version=self.version(model, version))

    def silence(self, hours: int) -> str:
        """Names the link that silences."""
        return self.t("mail.silence", hours=hours)

    def footer(self, alert_key: str, fired: datetime) -> str:
        """Where this mail comes from."""
        return self.t("mail.footer", key=alert_key[:12], fired=self.t.moment(fired, UTC))

    def surge_subject(self, scope: str, count: int, minutes: int) -> str:
        """A subject line with scope and count, never a tweet."""
        return self.t.count("mail.surge.subject", count, minutes=minutes, scope=self._where(scope))

    def surge_headline(self, scope: str, factor: float) -> str:
        """The first line."""
        return self.t("mail.surge.headline", scope=self._where(scope), factor=self.t.number(factor, 1))

    def surge_summary(self, count: int, total: int, first: datetime, last: datetime, baseline: float) -> str:
        """One sentence with the numbers."""
        when = {"day": self.day_of(first), "first": minute(first), "last": self._beside(first, last, minute)}
        told = {"negative": self.t.number(count), "baseline": self.t.number(baseline)}
        return self.t.count("mail.surge.summary", total, **when, **told)

    def detectors(self, names: list[str]) -> str:
        """Which opinions agree."""
        found = self.t("mail.and").join(self.t(f"mail.surge.detector.{name}") for name in names)
        return self.t("mail.surge.agree" if len(names) > 1 else "mail.surge.alone", found=found)

    def word(self, word: str, count: int, usual: float) -> str:
        """One word that rose."""
        return self.t("mail.surge.word", word=word, count=self.t.number(count), usual=self.t.number(usual, 1))

    def chart(self, step_minutes: int, hours: int, highest: int) -> str:
        """The chart, for those who do not see it."""
        return self.t.count("mail.surge.chart", highest, step=step_minutes, hours=hours)

    def written(self, at: datetime, score: float) -> str:
        """When a tweet was written, and how sure the model is."""
        return self.t("mail.written", at=clock(at), share=self.t.percent(score))

    def surge_steps(self) -> list[str]:
        """The run book of a surge."""
        return self.t("mail.surge.steps").splitlines()

    def canary_subject(self, model: str, version: str) -> str:
        """Which version, never a word of a tweet."""
        return f"[Vigie] {self.canary_headline(model, version)}"

    def canary_headline(self, model: str, version: str) -> str:
        """The first line."""
        return self.t("mail.canary.headline", version=self.version(model, version))

    def canary_summary(self, report: TrialReport, reason: StopReason, at: datetime) -> str:
        """One sentence with the reason."""
        t, version = self.t, self.version(report.model, report.trial.version)
        when = t("mail.canary.when", day=self.day_of(at), at=clock(at), version=version)
        if reason is StopReason.ERRS:
            return t.count("mail.canary.errs", report.failed, when=when)
        return t(
            "mail.canary.voted_down",
            when=when,
            errors=t.number(report.trial.errors),
            answered=t.number(report.trial.answered),
            their_errors=t.number(report.champion.errors),
            their_answered=t.number(report.champion.answered),
        )

    def canary_facts(self, report: TrialReport) -> list[str]:
        """How it and the champion compare."""
        t, champion = self.t, self.version(report.model, report.champion.version)
        facts = [t("mail.canary.alone", version=champion)]
        if report.compared:
            facts.append(t("mail.canary.same", agreed=t.number(report.agreed), compared=t.number(report.compared)))
        if report.judged:
            right = {"mine": t.number(report.trial.right), "theirs": t.number(report.champion.right)}
            facts.append(t.count("mail.canary.judged", report.judged, **right))
        return facts

    def canary_failure(self, failure: str) -> str:
        """How it failed last."""
        return self.t("mail.canary.failure", failure=failure)

    def canary_steps(self, model: str) -> list[str]:
        """The run book of a stopped challenger."""
        return self.t("mail.canary.steps", model=model).splitlines()

    def resolved_subject(self, subject: str) -> str:
        """Of the mail that says that it is over."""
        return subject.replace("[Vigie]", self.t("mail.over_subject"), 1)

    def resolved(self, fired: datetime, ended: datetime, quiet_ms: int, *, first: bool = True) -> str:
        """What the mail says that tells that it is over, with those before it where it is not the first one."""
        when = {"day": self.day_of(fired), "fired": clock(fired), "ended": self._beside(fired, ended, clock)}
        return self.t("mail.resolved" if first else "mail.resolved_all", **when, quiet=self.duration(quiet_ms))

    def over(self, ended: datetime) -> str:
        """Beside an alert that is over."""
        return self.t("mail.over", ended=self._with_day(ended, clock))

    def digest_subject(self, count: int) -> str:
        """Of the one mail after an outage."""
        return self.t.count("mail.digest_subject", count)

    def digest(self, count: int, oldest: datetime) -> str:
        """What the one mail after an outage says."""
        return self.t.count("mail.digest", count, day=self.day_of(oldest), oldest=clock(oldest))

    def test_text(self, sent: datetime) -> str:
        """The text of a test mail."""
        return self.t("mail.test", sent=self.t.moment(sent, UTC))

    def duration(self, milliseconds: int) -> str:
        """`4 min 12 s`; at most two units, milliseconds only below ten seconds."""
        parts: list[str] = []
        rest = milliseconds
        for size, unit in zip(_SIZES, self.t("mail.units").split(), strict=True):
            if rest >= size:
                parts.append(f"{rest // size} {unit}")
                rest %= size
        digits = len(f"{rest / 1000:.3f}".rstrip("0").partition(".")[2]) if milliseconds < 10_000 else 0
        seconds = self.t.number(rest / 1000 if digits else rest // 1000, digits)
        if seconds != "0" or not parts:
            parts.append(f"{seconds} s")
        return " ".join(parts[:2])

    def day_of(self, moment: datetime) -> str:
        """`Monday 23 November 2026`."""
        weekday = self.t("mail.weekdays").split()[moment.weekday()]
        return f"{weekday} {moment.day} {self.t('mail.months').split()[moment.month - 1]} {moment.year}"

    def _beside(self, named: datetime, moment: datetime, time: Callable[[datetime], str]) -> str:
        """The second moment of a sentence that names the day of the first: with its own day when that is another."""
        return time(moment) if moment.date() == named.date() else self._with_day(moment, time)

    def _with_day(self, moment: datetime, time: Callable[[datetime], str]) -> str:
        return self.t("mail.day_and_time", day=self.day_of(moment), time=time(moment))

    def _where(self, scope: str) -> str:
        return self.t("alerts.everything") if scope == EVERYTHING else scope


def wording_in(language: Language) -> Wording:
    """The sentences of that language."""
    return Wording(texts_in(language))


def whole_seconds(milliseconds: int) -> int:
    """A span as it is shown: whole seconds, one at least."""
    return max(milliseconds, 1000) // 1000 * 1000


def clock(moment: datetime) -> str:
    """`14:05:31`."""
    return moment.strftime("%H:%M:%S")


def minute(moment: datetime) -> str:
    """`14:05`."""
    return moment.strftime("%H:%M")


def model_and_version(scope: str) -> tuple[str, str]:
    """Of a scope of the error rule."""
    model, _, version = scope.partition(":")
    return model, version
