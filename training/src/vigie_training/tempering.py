"""Fits temperatures by kind of tweet, see `vigie.temperatures`."""

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from vigie.predictor import Probabilities, log_odds
from vigie.temperatures import BEND, Slopes, Temperatures, different_words
from vigie_training.calibration import calibration_weights
from vigie_training.known import known_set
from vigie_training.rows import SOURCE, Mask, Rows
from vigie_training.splitting import Split

FEWEST_OF_KIND = 100
MOST_OF_KIND = 60_000
FEWEST_WITH_WORD = 20
PENALTY_C = 0.05
LEAST_SLOPE = 0.05

Doubles = npt.NDArray[np.float64]


def fit_temperatures(negative: Probabilities, split: Split, seed: int) -> Temperatures | None:
    """From P(negative) `[n]` of the calibration rows; null where these do not have enough rows of both kinds.

    The kinds are told apart by rows of `split.fit`. The slopes are a logistic regression on the log-odds of either
    side, without an intercept: what is said of a tweet keeps its side.
    """
    if min(int(_of(split.calibration, kind).sum()) for kind in ("company", "own life")) < FEWEST_OF_KIND:
        return None
    words, bias = _telling_words(split.fit, seed)
    unscaled = Slopes(elsewhere=1.0, of_kind=1.0)
    found = Temperatures(words=words, bias=bias, negative=unscaled, positive=unscaled)
    columns = _sides(-log_odds(negative), found.kinds(split.calibration.texts))
    regression = LogisticRegression(C=1e6, fit_intercept=False, max_iter=1000)
    weights = calibration_weights(split.calibration, labels_stay=True)
    regression.fit(columns, split.calibration.labels, sample_weight=weights)
    low, near_low, far_low, high, near_high, far_high = np.maximum(regression.coef_[0], LEAST_SLOPE).tolist()
    slopes = {
        "negative": Slopes(elsewhere=low, of_kind=near_low, of_kind_beyond=far_low),
        "positive": Slopes(elsewhere=high, of_kind=near_high, of_kind_beyond=far_high),
    }
    return found.model_copy(update=slopes)


def _sides(odds: Doubles, kinds: Doubles) -> Doubles:
    """Log-odds of *positive* `[n]` as `[n, 6]`: below and above zero, each shared out by kind, that of the kind in two
    parts, up to `BEND` and beyond.
    """
    columns = []
    for side in (np.minimum(odds, 0), np.maximum(odds, 0)):
        near = np.clip(side, -BEND, BEND)
        columns += [side * (1 - kinds), near * kinds, (side - near) * kinds]
    return np.stack(columns, axis=1)


def _telling_words(rows: Rows, seed: int) -> tuple[dict[str, float], float]:
    """Weights of words, and the bias, that tell tweets to a company from others: few, by an L1 penalty."""
    generator = np.random.default_rng(seed)
    places = [np.flatnonzero(_of(rows, kind)) for kind in ("own life", "company")]
    drawn = [np.sort(generator.permutation(each)[:MOST_OF_KIND]) for each in places]
    texts = rows.texts
    counter = CountVectorizer(analyzer=different_words, min_df=FEWEST_WITH_WORD, binary=True)
    matrix = counter.fit_transform([texts[place] for each in drawn for place in each])
    labels = np.repeat([0, 1], [len(each) for each in drawn])
    regression = LogisticRegression(
        l1_ratio=1, C=PENALTY_C, solver="liblinear", class_weight="balanced", random_state=seed % 2**31
    ).fit(matrix, labels)
    weights = zip(counter.get_feature_names_out().tolist(), regression.coef_[0].round(3).tolist(), strict=True)
    return {word: weight for word, weight in weights if weight}, float(regression.intercept_[0])


def _of(rows: Rows, kind: str) -> Mask:
    named = [source for source in rows.sources if known_set(source).kind == kind]
    return np.asarray(rows.frame[SOURCE].isin(named).to_numpy(), bool)
