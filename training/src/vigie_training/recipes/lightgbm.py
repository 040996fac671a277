"""Sentence vectors of an encoder tuned on tweets, and gradient-boosted trees by LightGBM."""

import shutil
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt

from vigie.boosting import BOOSTER, BoostedVectors
from vigie.encoder import GRAPH, TOKENIZER
from vigie.platt import CALIBRATION, Calibration
from vigie_training.calibration import calibration_weights, fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import Rows
from vigie_training.served_files import ServedFiles, new_folder
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import tuned_transformer

LIBRARIES = ("lightgbm", "numpy", "onnxruntime", "tokenizers")
GOLDEN_TOLERANCE = 0.03
FOLDS = 5
TREES, QUICK_TREES = 120, 40
LEARNER: dict[str, str | int | float] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

Doubles = npt.NDArray[np.float64]
FILES = (TOKENIZER, GRAPH, BOOSTER, CALIBRATION)


def fit(split: Split, options: Options, report: Report) -> ServedFiles:
    """See `Recipe`. The encoder is tuned on `split.fit`, the trees are grown on `split.calibration`.

    Of rows that it was tuned on, the encoder's vectors are far surer than of others: trees grown on those would trust
    it too much. The calibration is fitted on what trees say of rows that they were not grown on (five folds).
    """
    from vigie_training.transformer import export  # noqa: PLC0415 (loading a model needs neither torch nor onnx)

    tuned = tuned_transformer(split.fit, options, report)
    folder = new_folder()
    shutil.copyfile(tuned / TOKENIZER, folder / TOKENIZER)
    export.compact(tuned / GRAPH, folder / GRAPH)
    report("computing sentence vectors")
    vectors = BoostedVectors.vectors_of(folder, split.calibration.texts)
    trees = QUICK_TREES if options.quick else TREES
    report("growing trees")
    scores = _scores_of_unseen(vectors, split.calibration, trees, options.seed)
    platt = fit_platt(scores, split.calibration)
    everything = np.arange(len(vectors))
    _grown(vectors, split.calibration, everything, trees, options.seed).save_model(folder / BOOSTER)
    Calibration(slope=platt.slope, shift=platt.shift).save(folder)
    parameters: Parameters = {
        "base_model": options.base_model or "MiniLM-L6",
        "trees": trees,
        "num_leaves": LEARNER["num_leaves"],
        "learning_rate": LEARNER["learning_rate"],
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
    }
    return ServedFiles(folder, FILES, BoostedVectors.load(folder).predict, parameters, owned=True)


def load(directory: Path) -> ServedFiles:
    """See `Recipe`."""
    return ServedFiles(directory, FILES, BoostedVectors.load(directory).predict, {}, owned=False)


def _scores_of_unseen(vectors: npt.NDArray[np.float32], rows: Rows, trees: int, seed: int) -> Doubles:
    """For each row the log-odds by trees grown on the other folds: `[n]`."""
    scores = np.zeros(len(rows))
    folds = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    for fold in range(FOLDS):
        booster = _grown(vectors, rows, np.flatnonzero(folds != fold), trees, seed)
        scores[folds == fold] = np.asarray(booster.predict(vectors[folds == fold], raw_score=True))
    return scores


def _grown(
    vectors: npt.NDArray[np.float32], rows: Rows, chosen: npt.NDArray[np.int64], trees: int, seed: int
) -> lightgbm.Booster:
    weights = calibration_weights(rows)[chosen]
    data = lightgbm.Dataset(vectors[chosen], rows.labels[chosen], weight=weights)
    return lightgbm.train(LEARNER | {"seed": seed % 2**31}, data, trees)
