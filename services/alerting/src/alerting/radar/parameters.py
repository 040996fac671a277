"""What the radar is tuned by. `vigie-alerting evaluate` measures a choice; the README tells how this one was made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How the model errs: the share of negative tweets it calls negative, and of the others that it calls negative."""

    hit: float = 1.0
    false: float = 0.0

    def corrected(self, negative: float, total: float) -> float:
        """How many of `total` are negative when `negative` were called so (Rogan and Gladen 1978), from 0 to total."""
        return min(max((negative - self.false * total) / (self.hit - self.false), 0.0), total)


@dataclass(frozen=True, slots=True)
class WatchParameters:
    """How one scope is watched. Times in minutes.

    A window of each length in `windows` is compared with the `baseline` that ended `guard` before it. `prior_count`:
    how many negatives the long-run rate is worth against the baseline's own. `least_mean`: no rate is believed to be
    lower than so many negatives in a window. `count_shape` and `share_strength` cap how well a rate can be known.
    `other_weight`: how slowly tweets that are not negative excuse negatives. The alarm is raised when
    count surprise + `share_weight` * share surprise >= `threshold`.
    """

    windows: tuple[int, ...]
    threshold: float
    baseline: int = 60
    guard: int = 10
    prior_count: float = 16.0
    least_mean: float = 3.0
    count_shape: float = 40.0
    share_strength: float = 30.0
    share_weight: float = 0.6
    share_baseline: int = 1440
    other_weight: float = 20.0
    least_count: int = 5
    least_excess: float = 3.0
    least_voices: int = 3
    agrees_from: float = 2.0
    daily_weight: float = 60.0
    daily_days: int = 3
    daily_width: int = 30
    learning: int = 120
    quiet: int = 60


@dataclass(frozen=True, slots=True)
class RadarParameters:
    """How everything together and each topic are watched, and what is known of the model's errors."""

    everything: WatchParameters = WatchParameters(windows=(15, 30), threshold=4.0)
    topic: WatchParameters = WatchParameters(windows=(10, 15), threshold=4.3)
    errors: ErrorRates = ErrorRates()
    scopes: int = 100
    voice_tweets: int = 2
    late_minutes: int = 60
