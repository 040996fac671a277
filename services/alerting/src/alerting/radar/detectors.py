"""The two opinions on a scope at a moment: pure functions of its counts, with the time as an argument."""

from dataclasses import dataclass
from enum import StrEnum

from alerting.radar.baseline import expect
from alerting.radar.counts import MinuteCounts
from alerting.radar.parameters import ErrorRates, WatchParameters
from alerting.radar.surprise import beta_binomial_surprise, gamma_poisson_surprise


class Detector(StrEnum):
    """`count`: more negative tweets than expected. `share`: more of the tweets are negative than usual."""

    COUNT = "count"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Reading:
    """One window of one scope. Minutes are Unix time in whole minutes; `end` is not part of the window.

    `count` negatives among `total`, where `baseline` were expected. `score` is the weighted sum of two surprises, each
    -log10 of a probability.
    """

    first: int
    end: int
    count: int
    total: int
    baseline: float
    score: float
    detectors: tuple[Detector, ...]


def read(counts: MinuteCounts, minute: int, told: WatchParameters, errors: ErrorRates) -> Reading | None:
    """The most surprising window that ends with `minute`; null when none holds enough to speak of."""
    found = [_read_window(counts, minute + 1 - length, minute + 1, told, errors) for length in told.windows]
    return max((reading for reading in found if reading), key=lambda reading: reading.score, default=None)


def _read_window(
    counts: MinuteCounts, first: int, end: int, told: WatchParameters, errors: ErrorRates
) -> Reading | None:
    window = counts.tally(first, end)
    certain = errors.corrected(window.negative, window.total)
    if window.negative < told.least_count or certain < told.least_count:
        return None
    expected = expect(counts, window, first, end, told)
    if (window.negative - expected.mean) / (errors.hit - errors.false) < told.least_excess:
        return None
    by_count = gamma_poisson_surprise(window.negative, mean=expected.mean, shape=expected.shape)
    by_share = beta_binomial_surprise(window.negative, window.total, share=expected.share, strength=expected.strength)
    agreeing = [
        name for name, value in ((Detector.COUNT, by_count), (Detector.SHARE, by_share)) if value >= told.agrees_from
    ]
    return Reading(
        first=first,
        end=end,
        count=window.negative,
        total=window.total,
        baseline=expected.mean,
        score=by_count + told.share_weight * by_share,
        detectors=tuple(agreeing),
    )
