"""Charts as data: what a template draws, with the same numbers as a table below."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Literal

Tone = Literal["negative", "positive", "plain"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `shown` is its value as people read it."""

    label: str
    value: float
    shown: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars beside each other; `heads` are those of the two columns of its table."""

    title: str
    heads: tuple[str, str]
    bars: Sequence[Bar]

    @property
    def top(self) -> float:
        """The end of the scale."""
        return round_up(max((bar.value for bar in self.bars), default=0))


def round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten, at least 1."""
    if value <= 1:
        return 1
    power = float(10 ** int(log10(value)))
    return power * next(step for step in (1, 2, 5, 10) if value / power <= step)
