"""What a mail shows of an alert, in one language; the templates only lay it out."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from alerting.answers import moment
from alerting.links import VALID_MS, Action, ActionBook, Sites
from alerting.wording import Wording
from vigie.alerts import CanaryFacts, RaisedAlert, RaisedError, SurgeFacts, SurgeTweet
from vigie.durations import HOUR_MS, MINUTE_MS
from vigie.masking import masked, plain

COMMENTS_SHOWN = 5
SILENCES_OFFERED = (1, 24)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a mail."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Said:
    """Who said what of a tweet."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class TweetView:
    """One tweet as it is shown."""

    text: str
    said: list[Said]
    comments: list[str]
    note: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as it is shown. `words` has all other sentences of the language."""

    words: Wording
    headline: str
    summary: str
    facts: list[str]
    chart: str
    title: str
    tweets: list[TweetView]
    risen: list[str]
    steps: list[str]
    actions: list[Link]
    links: list[Link]
    footer: str


class Viewer:
    """Makes views; links to where `sites` says, actions signed by `actions`."""

    def __init__(self, sites: Sites, actions: ActionBook | None) -> None:
        self._sites = sites
        self._actions = actions

    def alert(self, alert: RaisedAlert, words: Wording) -> AlertView:
        """An alert of any rule."""
        if alert.canary:
            return self._canary(alert, alert.canary, words)
        return self._surge(alert, alert.surge, words) if alert.surge else self._errors(alert, words)

    def _errors(self, alert: RaisedAlert, words: Wording) -> AlertView:
        errors = alert.errors
        versions = Counter((error.state.model, error.state.version) for error in errors)
        counts = [(plain(model), plain(version), count) for (model, version), count in versions.most_common()]
        oldest, newest = errors[0].at_ms, errors[-1].at_ms
        return AlertView(
            words=words,
            headline=words.headline(len(errors), newest - oldest),
            summary=words.summary(len(errors), moment(oldest), moment(newest), len(errors), alert.window_ms),
            facts=[words.breakdown(counts), *self._facts(alert, words)],
            chart="",
            title="",
            tweets=[_error(error, words) for error in errors],
            risen=[],
            steps=words.steps(list(dict.fromkeys(model for model, _, _ in counts))),
            actions=self._signed(alert, words),
            links=self._links(words, (oldest, newest)) + self._versions(words, counts),
            footer=words.footer(alert.alert_key, moment(alert.fired_ms)),
        )

    def _surge(self, alert: RaisedAlert, facts: SurgeFacts, words: Wording) -> AlertView:
        end = facts.first_ms + alert.window_ms
        highest = max((point.negative for point in facts.points), default=0)
        hours = round(len(facts.points) * facts.step_ms / HOUR_MS)
        return AlertView(
            words=words,
            headline=words.surge_headline(plain(alert.scope), facts.count / max(facts.baseline, 0.1)),
            summary=words.surge_summary(facts.count, facts.total, moment(facts.first_ms), moment(end), facts.baseline),
            facts=[words.detectors(facts.detectors), *self._facts(alert, words)],
            chart=words.chart(facts.step_ms // MINUTE_MS, hours, highest) if facts.points else "",
            title=words.t("mail.surge.typical") if facts.tweets else "",
            tweets=[_tweet(tweet, words) for tweet in facts.tweets],
            risen=[words.word(masked(word.word), word.count, word.usual) for word in facts.words],
            steps=words.surge_steps(),
            actions=self._signed(alert, words),
            links=self._links(words, None),
            footer=words.footer(alert.alert_key, moment(alert.fired_ms)),
        )

    def _canary(self, alert: RaisedAlert, facts: CanaryFacts, words: Wording) -> AlertView:
        report = facts.report
        model, version = plain(report.model), plain(report.trial.version)
        failure = [words.canary_failure(masked(facts.failure))] if facts.failure else []
        return AlertView(
            words=words,
            headline=words.canary_headline(model, version),
            summary=words.canary_summary(report, facts.reason, moment(facts.at_ms)),
            facts=[*words.canary_facts(report), *failure],
            chart="",
            title="",
            tweets=[_error(error, words) for error in alert.errors],
            risen=[],
            steps=words.canary_steps(model),
            actions=self._signed(alert, words),
            links=self._links(words, None)
            + self._versions(words, [(model, plain(each.version), 0) for each in (report.trial, report.champion)]),
            footer=words.footer(alert.alert_key, moment(alert.fired_ms)),
        )

    def _facts(self, alert: RaisedAlert, words: Wording) -> list[str]:
        told = [words.day(alert.day.errors, alert.day.predictions)] if alert.day else []
        told += [words.suppressed(alert.suppressed_before)] if alert.suppressed_before else []
        quiet = moment(alert.fired_ms + alert.cooldown_ms)
        return told + ([words.quiet_until(quiet)] if alert.cooldown_ms else [])

    def _signed(self, alert: RaisedAlert, words: Wording) -> list[Link]:
        actions, gateway = self._actions, self._sites.gateway
        if not gateway or actions is None:
            return []

        def link(kind: str, hours: int) -> str:
            action = Action.model_validate(
                {"kind": kind, "hours": hours, "until_ms": alert.fired_ms + VALID_MS}
                | alert.model_dump(include={"alert_key", "scope", "rule"})
            )
            return f"{gateway}/alerts/act/{actions.sign(action)}"

        silences = [Link(words.silence(hours), link("silence", hours)) for hours in SILENCES_OFFERED]
        return [*silences, Link(words.t("mail.false_alarm"), link("false-alarm", 0))]

    def _links(self, words: Wording, span: tuple[int, int] | None) -> list[Link]:
        sites = self._sites
        links = [Link(words.t("mail.interface"), sites.ui)] if sites.ui else []
        if sites.gateway:
            links += [Link(words.t("mail.votes"), f"{sites.gateway}/feedback?{_votes(*span)}")] if span else []
            links.append(Link(words.t("mail.all_alerts"), f"{sites.gateway}/alerts"))
        return links

    def _versions(self, words: Wording, counts: list[tuple[str, str, int]]) -> list[Link]:
        if not self._sites.mlflow:
            return []
        base = f"{self._sites.mlflow}/#/models"
        return [
            Link(words.registry(model, version), f"{base}/vigie-{quote(model)}/versions/{quote(version)}")
            for model, version, _ in counts
        ]


def _error(error: RaisedError, words: Wording) -> TweetView:
    state = error.state
    return TweetView(
        text=words.t("mail.no_text") if state.text is None else masked(state.text),
        said=[
            Said(words.said(plain(state.model), plain(state.version)), words.predicted(state.label, state.confidence)),
            Said(words.t("mail.people"), words.people_say(state.expected_label, state.annotators)),
        ],
        comments=[masked(comment) for comment in state.comments[:COMMENTS_SHOWN]],
        note=words.times(moment(error.at_ms), moment(state.predicted_ms)),
    )


def _tweet(tweet: SurgeTweet, words: Wording) -> TweetView:
    return TweetView(masked(tweet.text), [], [], words.written(moment(tweet.at_ms), tweet.score))


def _votes(oldest_ms: int, newest_ms: int) -> str:
    until = (newest_ms // 1000 + 1) * 1000
    return urlencode({"verdict": "incorrect", "since": _iso(oldest_ms), "until": _iso(until)}, safe=":")


def _iso(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
