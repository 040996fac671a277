"""What a model family is to the serving library: `load` and `predict`, and `explain` where the family can."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from vigie.schemas import WordWeight

Probabilities = npt.NDArray[np.float32]
InTime = Callable[[], bool]
"""Whether there is still time; asked in the thread that computes."""
_NEAREST = 1e-7


class Predictor(Protocol):
    """A loaded model. `predict` keeps no state between calls: as many threads call it at a time as
    `predictor_batches_at_once` says, one if the family says nothing.
    """

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        ...


class LoadablePredictor(Predictor, Protocol):
    """What the folder of a model family offers."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the artefact in `directory` (already verified); must not execute anything found there."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """A predictor that can say what drove it."""

    def explain(self, texts: Sequence[str], in_time: InTime = ...) -> list[list[WordWeight]]:
        """For each of n texts the words that weighed most, the heaviest first; called like `predict`.

        One that takes longer than a few predictions asks `in_time` now and then, and raises `DeadlineExceeded` when
        there is no more time.
        """
        ...


def log_odds(probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """Of n probabilities `[n]`, finite for 0 and 1 too."""
    kept = np.clip(probabilities.astype(np.float64), _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(kept / (1 - kept)))


def always() -> bool:
    """There is time."""
    return True


def heaviest(weights: Sequence[WordWeight], most: int = 10) -> list[WordWeight]:
    """Each word once, its weights added up, at most `most` words that weigh anything, the heaviest first."""
    sums: dict[str, float] = {}
    for each in weights:
        sums[each.word] = sums.get(each.word, 0.0) + each.weight
    found = [WordWeight(word=word, weight=round(weight, 4)) for word, weight in sums.items()]
    ordered = sorted(found, key=lambda each: -abs(each.weight))
    return [each for each in ordered[:most] if each.weight]
