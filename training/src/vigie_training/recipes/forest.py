"""FastText vectors by gensim and a random forest by scikit-learn, served as flat arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestRegressor

from vigie.platt import Calibration
from vigie.predictor import Probabilities
from vigie.trees import Forest
from vigie.word_features import Tokens, WordFeatures, leaning_features, mean_vectors, tokens_of
from vigie.word_forest import WordForest
from vigie.words import Floats, WordVectors
from vigie_training.calibration import fit_platt
from vigie_training.leanings import fit_leanings
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import soft_labels
from vigie_training.weighting import fit_weights

LIBRARIES = ("numpy",)
GOLDEN_TOLERANCE = 1e-3
WIDTH = 100
EPOCHS_OF_VECTORS = 5
FOLDS = 5
TREES, QUICK_TREES = 80, 20
FEWEST_IN_A_LEAF = 10
SHARE_OF_FEATURES = 0.25
_CHUNK = 4096

Doubles = npt.NDArray[np.float64]


class FittedForest:
    """The model in memory, and what it was made with."""

    unseen: Probabilities | None = None

    def __init__(self, model: WordForest, parameters: Parameters) -> None:
        self.parameters = parameters
        self.predict = model.predict
        self.save = model.save


def fit(split: Split, options: Options, report: Report) -> FittedForest:
    """See `Recipe`. The trees learn from soft labels; a row's leanings were counted on the other folds' rows."""
    from vigie_training.word_vectors import fit_word_vectors  # noqa: PLC0415 (only a fit needs gensim)

    targets, tuning = soft_labels(split.fit, options, report)
    report("fitting word vectors")
    vectors = fit_word_vectors(split.fit.texts, width=WIDTH, epochs=EPOCHS_OF_VECTORS, seed=options.seed)
    report("counting how words lean")
    lookup = vectors.look_up(split.fit.texts)
    tokens, weights = tokens_of(lookup), fit_weights(split.fit)
    words = len(vectors.vocabulary)
    leanings = fit_leanings(tokens, words, targets, weights)
    means = _means(vectors, split.fit.texts, leanings.idf)
    rows = np.hstack([means, _unseen(tokens, words, targets, weights, options.seed)])
    report("growing trees")
    trees = QUICK_TREES if options.quick else TREES
    grown = RandomForestRegressor(
        trees,
        min_samples_leaf=FEWEST_IN_A_LEAF,
        max_features=SHARE_OF_FEATURES,
        n_jobs=2,
        random_state=options.seed % 2**31,
    ).fit(rows, targets, sample_weight=weights)
    report("calibrating")
    features, forest = WordFeatures(vectors, leanings), flattened(grown)
    raw = WordForest(features, forest, Calibration(slope=1.0, shift=0.0))
    platt = fit_platt(raw.scores(split.calibration.texts).astype(np.float64), split.calibration)
    parameters: Parameters = {
        "words": words,
        "width": WIDTH,
        "trees": trees,
        "nodes": len(forest.left),
        "fewest_in_a_leaf": FEWEST_IN_A_LEAF,
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
        **tuning,
    }
    return FittedForest(WordForest(features, forest, Calibration(slope=platt.slope, shift=platt.shift)), parameters)


def load(directory: Path) -> FittedForest:
    """See `Recipe`."""
    return FittedForest(WordForest.load(directory), {})


def flattened(grown: RandomForestRegressor) -> Forest:
    """The same trees as arrays, the two children of a node side by side."""
    parts = [_flat(each.tree_) for each in grown.estimators_]
    starts = np.cumsum([0] + [len(part[0]) for part in parts[:-1]])
    features, thresholds, left, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    left += np.repeat(starts, [len(part[0]) for part in parts])
    depth = max(each.tree_.max_depth for each in grown.estimators_)
    return Forest(
        features.astype(np.int16),
        thresholds.astype(np.float32),
        left.astype(np.int32),
        values.astype(np.float16),
        starts.astype(np.int32),
        depth,
    )


def _flat(tree: object) -> tuple[npt.NDArray[np.int64], Doubles, npt.NDArray[np.int64], Doubles]:
    """Feature, threshold, left child and share of *positive* of each node, in an order that puts siblings together."""
    lefts, rights = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    order, places = [0], np.zeros(len(lefts), np.int64)
    for node in order:
        if lefts[node] >= 0:
            places[lefts[node]], places[rights[node]] = len(order), len(order) + 1
            order += [int(lefts[node]), int(rights[node])]
    chosen = np.array(order)
    leaf = lefts[chosen] < 0
    return (
        np.where(leaf, 0, tree.feature[chosen]),  # type: ignore[attr-defined]
        # Rounded down to single precision a threshold still parts the same single-precision rows.
        np.where(leaf, np.inf, _rounded_down(tree.threshold[chosen])),  # type: ignore[attr-defined]
        np.where(leaf, np.arange(len(chosen)), places[lefts[chosen]]),
        tree.value[chosen, 0, 0],  # type: ignore[attr-defined]
    )


def _rounded_down(values: Doubles) -> Doubles:
    single = values.astype(np.float32)
    return np.where(single > values, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float64)


def _means(vectors: WordVectors, texts: Sequence[str], idf: npt.NDArray[np.float16]) -> Floats:
    """A chunk at a time: the vectors of all words at once would take gigabytes."""
    parts = []
    for start in range(0, len(texts), _CHUNK):
        lookup = vectors.look_up(texts[start : start + _CHUNK])
        parts.append(mean_vectors(vectors.of(lookup), tokens_of(lookup), idf.astype(np.float32)))
    return np.concatenate(parts)


def _unseen(tokens: Tokens, words: int, targets: Doubles, weights: Doubles, seed: int) -> Floats:
    """For each row its leaning features, by leanings counted on the other folds."""
    folds = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
    parts = [
        leaning_features(fit_leanings(tokens, words, targets, weights * (folds != fold)), tokens)[folds == fold]
        for fold in range(FOLDS)
    ]
    found = np.zeros((len(targets), parts[0].shape[1]), np.float32)
    for fold, part in enumerate(parts):
        found[folds == fold] = part
    return found
