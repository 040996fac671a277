"""Small word vectors and what builds on them, without a fit."""

import numpy as np

from tests.support.graphs import word_leanings
from vigie.platt import Calibration
from vigie.trees import Forest
from vigie.word_features import PAIR_BUCKETS, Leanings, WordFeatures
from vigie.word_forest import WordForest
from vigie.words import WordVectors

BUCKETS = 50


def small_vectors() -> WordVectors:
    """Two numbers per word: how it leans, and a little noise."""
    leanings = word_leanings()
    noise = np.random.default_rng(1)
    vectors = np.column_stack([list(leanings.values()), noise.normal(0, 0.1, len(leanings))])
    return WordVectors(
        list(leanings), vectors.astype(np.float16), noise.normal(0, 0.1, (BUCKETS, 2)).astype(np.float16)
    )


def small_forest(strength: float = 1.0) -> WordForest:
    """Two trees: one looks at the mean vector, one at the sum of the leanings."""
    vectors = small_vectors()
    leanings = Leanings(
        np.array(list(word_leanings().values()), np.float16),
        np.zeros(PAIR_BUCKETS, np.float16),
        np.ones(len(vectors.vocabulary), np.float16),
    )
    forest = Forest(
        features=np.array([0, 0, 0, 2, 0, 0], np.int16),
        thresholds=np.array([0, np.inf, np.inf, 0.5, np.inf, np.inf], np.float32),
        left=np.array([1, 1, 2, 4, 4, 5], np.int32),
        values=np.array([0.5, 0.2, 0.8, 0.5, 0.1, 0.9], np.float16),
        roots=np.array([0, 3], np.int32),
        depth=1,
    )
    return WordForest(WordFeatures(vectors, leanings), forest, Calibration(slope=strength, shift=0.1))
