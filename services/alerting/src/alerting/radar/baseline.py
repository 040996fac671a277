"""What to expect in a window: from the hours before it, the long run, and the same time on earlier days."""

from dataclasses import dataclass

from alerting.radar.counts import DAY, MinuteCounts, Tally
from alerting.radar.parameters import WatchParameters

NEW_SCOPE_MINUTES = 60
SHARE_BEFORE, SHARE_WEIGHT = 0.6, 10.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """`mean` negatives in the window, known as well as a Gamma of that `shape`; `share` of negatives likewise."""

    mean: float
    shape: float
    share: float
    strength: float


@dataclass(frozen=True, slots=True)
class _Rates:
    """Tweets per minute."""

    negative: float
    other: float


def expect(counts: MinuteCounts, window: Tally, first: int, end: int, told: WatchParameters) -> Expectation:
    """What the window `first` <= minute < `end` would hold if nothing had happened.

    Tweets in it that are not negative say how busy the time is, and excuse negatives in part.
    """
    until = first - told.guard
    recent = counts.tally(until - told.baseline, until)
    daily = _Daily(counts, counts.tally(until - DAY, until), told)
    now, before = daily.rates(first, end), daily.rates(until - told.baseline, until)
    prior = told.prior_count
    known = prior + recent.negative
    mean = known / (prior + before.negative * recent.minutes) * now.negative * (end - first)
    others = (prior + recent.other) / (prior + before.other * recent.minutes) * now.other * (end - first)
    mean *= (window.other + told.other_weight) / (others + told.other_weight)
    past = counts.tally(until - told.share_baseline, until)
    return Expectation(
        mean=max(mean, told.least_mean),
        shape=_harmonic(known, told.count_shape),
        share=(past.negative + SHARE_BEFORE * SHARE_WEIGHT) / (past.total + SHARE_WEIGHT),
        strength=_harmonic(past.total + SHARE_WEIGHT, told.share_strength),
    )


class _Daily:
    """Rates by time of day where enough days are known, pulled towards the long run."""

    def __init__(self, counts: MinuteCounts, long_run: Tally, told: WatchParameters) -> None:
        self._counts = counts
        self._told = told
        spread = long_run.minutes + NEW_SCOPE_MINUTES
        self._usual = _Rates((long_run.negative + 1) / spread, (long_run.other + 1) / spread)
        observed = counts.newest - counts.started
        self._days = min(observed // DAY, 7) if observed >= told.daily_days * DAY else 0

    def rates(self, first: int, end: int) -> _Rates:
        """The rates to expect from `first` to `end`."""
        if not self._days:
            return self._usual
        told, weight = self._told, self._told.daily_weight
        width = told.daily_width
        past = [
            self._counts.tally(first - day * DAY - width, end - day * DAY + width) for day in range(1, self._days + 1)
        ]
        minutes = sum(tally.minutes for tally in past) + weight
        return _Rates(
            (sum(tally.negative for tally in past) + weight * self._usual.negative) / minutes,
            (sum(tally.other for tally in past) + weight * self._usual.other) / minutes,
        )


def _harmonic(one: float, other: float) -> float:
    """As uncertain as both together."""
    return 1 / (1 / one + 1 / other)
