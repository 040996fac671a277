"""When a challenger is stopped: it fails where the champion does not, or people report it wrong more often.

A challenger gets its tweets by chance, so its answers and the champion's can be compared, however seldom people vote.
"""

from dataclasses import dataclass
from math import exp, log

from vigie.trials import Record, StopReason, TrialReport

FAILURES, FAILURE_SHARE = 3, 0.05
CERTAINTY = 20.0
LEAST_CONTROL, LEAST_VOTES = 0.1, 6
FACTORS = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Lately:
    """The last minute: for how many tweets a version was asked, for how many it `failed`, at how many moments, and how
    it did so last. The tweets of one request fail at one moment.
    """

    asked: int
    failed: int
    moments: int
    failure: str | None = None


def why_stopped(report: TrialReport, lately: Lately) -> tuple[StopReason, str] | None:
    """Why this challenger has to be stopped, in a word and in a sentence; null while it may go on."""
    if lately.moments >= FAILURES and lately.failed > FAILURE_SHARE * lately.asked:
        return StopReason.ERRS, f"failed for {lately.failed} of {lately.asked} tweets within a minute"
    trial, champion = report.trial, report.champion
    if voted_down(trial, champion):
        told = f"reported wrong {trial.errors} times in {trial.answered} answers"
        return StopReason.VOTED_DOWN, f"{told}, the champion {champion.errors} times in {champion.answered}"
    return None


def voted_down(trial: Record, champion: Record) -> bool:
    """By the comparison with the champion where that answers enough, else by most of the votes on the trial itself."""
    if champion.answered >= LEAST_CONTROL * (trial.answered + champion.answered):
        return evidence(trial, champion) >= CERTAINTY
    return trial.voted >= LEAST_VOTES and 2 * trial.errors > trial.voted


def evidence(trial: Record, champion: Record) -> float:
    """How much likelier the errors are if an answer of the trial is wrong more often, than if as often.

    A mixture of likelihood ratios over `FACTORS`. For a trial as good as the champion it ever exceeds x with a
    probability of 1/x at most (Ville 1939), so that it may be looked at after every vote (Robbins 1970).
    """
    answered = trial.answered + champion.answered
    if not answered:
        return 0.0
    share, errors = trial.answered / answered, trial.errors + champion.errors
    logs = [trial.errors * log(factor) - errors * log(1 + share * (factor - 1)) for factor in FACTORS]
    return sum(exp(min(each, 100.0)) for each in logs) / len(logs)
