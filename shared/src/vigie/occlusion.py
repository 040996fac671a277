"""What drove a model that cannot say so: how its answer changes when a word is left out (Zeiler and Fergus 2014)."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vigie.predictor import Probabilities, heaviest
from vigie.schemas import WordWeight

MOST_WORDS = 60
_WORD = re.compile(r"\S+")
_MARKS = ".,;:!?\"'()[]…"
_SMALLEST = 1e-6

Predict = Callable[[Sequence[str]], Probabilities]


def explain(predict: Predict, texts: Sequence[str]) -> list[list[WordWeight]]:
    """For each of n texts the words that weighed most, the heaviest first.

    A weight is by how much the log odds of *positive* are higher with the word than without it, wherever it stands.
    Of a long text the first `MOST_WORDS` different words are tried.
    """
    return [_explained(predict, text) for text in texts]


def _explained(predict: Predict, text: str) -> list[WordWeight]:
    words = list(dict.fromkeys(filter(None, (part.strip(_MARKS).lower() for part in _WORD.findall(text)))))[:MOST_WORDS]
    if not words:
        return []
    whole, *without = _log_odds(predict([text, *(_left_out(text, word) for word in words)]))
    return heaviest(
        [WordWeight(word=word, weight=float(whole - odds)) for word, odds in zip(words, without, strict=True)]
    )


def _left_out(text: str, word: str) -> str:
    return _WORD.sub(lambda part: "" if part[0].strip(_MARKS).lower() == word else part[0], text)


def _log_odds(negative: Probabilities) -> npt.NDArray[np.float64]:
    """Of *positive*, `[n]`."""
    sure = np.clip(negative.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    return np.log1p(-sure) - np.log(sure)
