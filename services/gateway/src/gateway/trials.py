"""Versions on trial: who they are, who may be asked now, and where it is written what they said.

The predictors say which versions are on trial, the feedback service which challengers were stopped and how everything
compares. Until it has said so once no challenger is asked: better none than one that was stopped.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import time
from typing import Any, TypeVar, get_args

from prometheus_client import Counter

from gateway.backends import Backend
from gateway.challenger import Ask, Challenge, Share
from gateway.prediction_log import TrialLog
from gateway.predictors import PredictorClient, Verdict
from gateway.shadow import Copy, ShadowLane
from gateway.trial_answers import Said
from vigie.catalogue import CHALLENGER, SHADOW
from vigie.errors import Unavailable
from vigie.inference import ModelDetails
from vigie.model_status import Rejection
from vigie.receipts import label_of
from vigie.trials import Record, TrialAlias, TrialEvent, TrialList, TrialReport

LOOK_SECONDS = 2.0

TWEETS = Counter(
    "vigie_trial_tweets_total",
    "Tweets for a version on trial, by what came of them beside the champion: agreed, differed, failed, or dropped.",
    ["model", "alias", "result"],
)

NamedT = TypeVar("NamedT")

_LOG = logging.getLogger(__name__)


class Trial:
    """The versions on trial of one family; `numbers` are those that its predictor serves, `kept_out` those that it must
    not, by alias.
    """

    def __init__(
        self,
        main: PredictorClient,
        challenger: PredictorClient,
        shadow: PredictorClient,
        *,
        percent: float,
        log: TrialLog,
    ) -> None:
        self.family = main.family.name
        self.main = main
        self.clients = (main, challenger, shadow)
        self.numbers: dict[str, str] = {}
        self.kept_out: dict[str, Rejection] = {}
        self.champion = ""
        self.may_challenge = False
        self._challenger = challenger
        self._share = Share(percent, self.family)
        self._log = log
        self.shadow = ShadowLane(shadow, lambda: self.numbers.get(SHADOW, ""), partial(self._note, SHADOW))

    def challenge(self, texts: list[str], ask: Ask, until: float) -> Challenge | None:
        """The challenger's part of these texts, begun; null when it has none."""
        if not self.may_challenge:
            return None
        rows = [row for row, text in enumerate(texts) if text in self._share]
        if not rows:
            return None
        asking = partial(ask, self._challenger, [texts[row] for row in rows], until)
        return Challenge(self.numbers[CHALLENGER], rows, asking)

    def compare(self, copies: Sequence[Copy], challenge: Challenge | None, said: Said) -> None:
        """Notes what the challenger said, and copies every tweet that the champion answered to the shadow."""
        if challenge:
            mine = [place for place, row in enumerate(challenge.rows) if self._is_champions(copies[row])]
            told = [said[place] for place in mine] if isinstance(said, list) else said
            self._note(CHALLENGER, [copies[challenge.rows[place]] for place in mine], told, challenge.version)
        if SHADOW in self.numbers:
            self.shadow.put([copy for copy in copies if self._is_champions(copy)])

    def _is_champions(self, copy: Copy) -> bool:
        return copy.champion.model == self.family

    def _note(self, alias: TrialAlias, copies: Sequence[Copy], said: Said, asked: str) -> None:
        """Of a failure while another version took over nobody knows whose it was: neither of them is blamed."""
        if said is None or not copies or (isinstance(said, str) and asked != self.numbers.get(alias)):
            TWEETS.labels(self.family, alias, "dropped").inc(len(copies))
            return
        verdicts: Sequence[Verdict | None] = [None] * len(copies) if isinstance(said, str) else said
        failure = said if isinstance(said, str) else None
        created_ms = int(time() * 1000)
        events = []
        for copy, verdict in zip(copies, verdicts, strict=True):
            TWEETS.labels(self.family, alias, _result(copy.champion, verdict)).inc()
            events.append(
                TrialEvent(
                    prediction_id=copy.prediction_id,
                    model=self.family,
                    alias=alias,
                    version=verdict.version if verdict else asked,
                    probability_negative=verdict.negative if verdict else None,
                    failure=failure,
                    answered=alias == CHALLENGER and verdict is not None,
                    champion=copy.champion.version,
                    champion_negative=copy.champion.negative,
                    created_ms=created_ms,
                )
            )
        self._log.append(events)


class Trials:
    """All families'."""

    def __init__(self, trials: Sequence[Trial], *, percent: float, feedback: Backend) -> None:
        self._trials = {trial.family: trial for trial in trials}
        self._percent = percent
        self._feedback = feedback
        self._seen: TrialList | None = None
        self._active: dict[str, Trial] = {}

    def of(self, family: str) -> Trial | None:
        """What is on trial there; null when nothing is, which is the usual case."""
        return self._active.get(family)

    def reports(self, family: str) -> list[TrialReport]:
        """How the versions compare that are on trial in a family now, as far as is known."""
        seen, trial = self._seen or TrialList(items=[], stopped=[]), self._trials[family]
        kept_out: dict[str, str] = {alias: rejection.version for alias, rejection in trial.kept_out.items()}
        numbers = kept_out | trial.numbers
        found: dict[str, TrialReport] = {
            report.alias: report
            for report in seen.items
            if report.model == family and numbers.get(report.alias) == report.trial.version
        }
        stopped = {stop.version: stop for stop in seen.stopped if stop.model == family}
        for alias, number in numbers.items():
            if alias not in found:
                both = {"trial": Record(version=number), "champion": Record(version=trial.champion)}
                told = {"model": family, "alias": alias, "stopped": stopped.get(number)}
                found[alias] = TrialReport.model_validate(told | both)
        for alias, rejection in trial.kept_out.items():
            why = f"version {rejection.version}: {rejection.reason}"
            found[alias] = found[alias].model_copy(update={"kept_out": why})
        return [found[alias] for alias in sorted(found)]

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as the gateway does."""
        return [self._follow(), *(trial.shadow.run() for trial in self._trials.values())]

    async def look(self) -> None:
        """Asks the predictors what is on trial, and the feedback service how it stands.

        A version that is the champion too is not on trial, nor is one by an alias that means nothing here.
        """
        trials = list(self._trials.values())
        found = await asyncio.gather(*(_details(trial) for trial in trials))
        if any(details.on_trial for details in found if details):
            with suppress(Unavailable):
                self._seen = await self._feedback.read("/trials", TrialList)
        for trial, details in zip(trials, found, strict=True):
            if details:
                trial.champion, trial.kept_out = details.version, _known(details.kept_out)
                on_trial = _known(details.on_trial)
                trial.numbers = {alias: each for alias, each in on_trial.items() if each != details.version}
            trial.may_challenge = self._may_challenge(trial)
        self._active = {
            name: trial for name, trial in self._trials.items() if trial.may_challenge or SHADOW in trial.numbers
        }

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _LOG.exception("a look at the versions on trial failed")
            await asyncio.sleep(LOOK_SECONDS)

    def _may_challenge(self, trial: Trial) -> bool:
        number = trial.numbers.get(CHALLENGER)
        if not self._percent or number is None or self._seen is None:
            return False
        return all((stop.model, stop.version) != (trial.family, number) for stop in self._seen.stopped)


async def _details(trial: Trial) -> ModelDetails | None:
    """What the predictor says; null from one that does not answer, of which what it said before holds on."""
    try:
        return (await trial.main.metadata()).parameters
    except Unavailable:
        return None


def _known(by_alias: Mapping[str, NamedT]) -> dict[str, NamedT]:
    """Without the aliases that a predictor of another age may serve besides."""
    return {alias: each for alias, each in by_alias.items() if alias in get_args(TrialAlias)}


def _result(champion: Verdict, verdict: Verdict | None) -> str:
    if verdict is None:
        return "failed"
    return "agreed" if label_of(verdict.negative) == label_of(champion.negative) else "differed"
