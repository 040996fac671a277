"""What drove a model that cannot say so: how its answer changes when a word is left out (Zeiler and Fergus 2014)."""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from vigie.errors import DeadlineExceeded
from vigie.predictor import InTime, Probabilities, always, heaviest, log_odds
from vigie.schemas import WordWeight

MOST_WORDS = 60
CHARACTERS_TOGETHER = 8_000  # of a tweet all at once, of the longest texts four: a fifteenth of the time they take
_WORD = re.compile(r"\S+")
_MARKS = ".,;:!?\"'()[]…"

Predict = Callable[[Sequence[str]], Probabilities]


def explain(predict: Predict, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
    """For each of n texts the words that weighed most, the heaviest first.

    A weight is by how much the log odds of *positive* are higher with the word than without it, wherever it stands.
    Of a long text the first `MOST_WORDS` different words are tried. Raises `DeadlineExceeded` once `in_time` says no,
    which is asked before every `CHARACTERS_TOGETHER` that are predicted.
    """
    return [_explained(predict, text, in_time) for text in texts]


def _explained(predict: Predict, text: str, in_time: InTime) -> list[WordWeight]:
    words = list(dict.fromkeys(filter(None, (part.strip(_MARKS).lower() for part in _WORD.findall(text)))))[:MOST_WORDS]
    if not words:
        return []
    tried = [text, *(_left_out(text, word) for word in words)]
    whole, *without = -log_odds(np.concatenate([*_predicted(predict, tried, in_time)]))
    return heaviest(
        [WordWeight(word=word, weight=float(whole - odds)) for word, odds in zip(words, without, strict=True)]
    )


def _predicted(predict: Predict, texts: list[str], in_time: InTime) -> Iterator[Probabilities]:
    """Of the first one and shorter ones, a few at a time."""
    together = max(1, CHARACTERS_TOGETHER // len(texts[0]))
    for start in range(0, len(texts), together):
        if not in_time():
            raise DeadlineExceeded(f"the deadline passed after {start} of {len(texts)} predictions")
        yield predict(texts[start : start + together])


def _left_out(text: str, word: str) -> str:
    return _WORD.sub(lambda part: "" if part[0].strip(_MARKS).lower() == word else part[0], text)
