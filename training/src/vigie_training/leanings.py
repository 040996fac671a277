"""How words and pairs of words lean to one label, counted: naive Bayes' log-odds (Wang and Manning 2012)."""

import numpy as np
import numpy.typing as npt

from vigie.word_features import PAIR_BUCKETS, Leanings, Tokens
from vigie.words import Integers

SMOOTHING = 4.0

Doubles = npt.NDArray[np.float64]


def fit_leanings(tokens: Tokens, words: int, targets: Doubles, weights: Doubles) -> Leanings:
    """`targets` `[n]` are probabilities of *positive*; a row whose weight `[n]` is 0 counts nowhere.

    A text counts each word and pair once.
    """
    known = tokens.numbers >= 0
    documents, numbers = _once(tokens.documents[known], tokens.numbers[known], words)
    pair_documents, pairs = _once(tokens.pair_documents, tokens.pairs, PAIR_BUCKETS)
    seen = np.bincount(numbers, (weights > 0)[documents], words)
    idf = np.log((1 + (weights > 0).sum()) / (1 + seen))
    return Leanings(
        _log_odds(documents, numbers, words, targets, weights).astype(np.float16),
        _log_odds(pair_documents, pairs, PAIR_BUCKETS, targets, weights).astype(np.float16),
        idf.astype(np.float16),
    )


def _once(documents: Integers, numbers: Integers, size: int) -> tuple[Integers, Integers]:
    unique = np.unique(documents * size + numbers)
    return unique // size, unique % size


def _log_odds(documents: Integers, numbers: Integers, size: int, targets: Doubles, weights: Doubles) -> Doubles:
    """Of each of `size` numbers, against the odds of all texts: `[size]`."""
    share = (weights * targets).sum() / weights.sum()
    ratio = share / (1 - share)
    positive = np.bincount(numbers, (weights * targets)[documents], size) + SMOOTHING * share
    negative = np.bincount(numbers, (weights * (1 - targets))[documents], size) + SMOOTHING * (1 - share)
    return np.asarray(np.log(positive / negative / ratio), np.float64)
