"""Sentence vectors of an encoder tuned on tweets, and gradient-boosted trees by LightGBM."""

import shutil
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt

from vigie.boosting import BOOSTER, BoostedVectors, open_features
from vigie.encoder import GRAPH, TOKENIZER
from vigie.platt import CALIBRATION, Calibration
from vigie.saved_model import SAVED_MODEL
from vigie_training.calibration import Platt, calibration_weights, fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import Mask
from vigie_training.saved_models import as_shown, saved_model_folder
from vigie_training.served_files import NewFolder, ServedFiles
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import tuned_transformer, tuning_parameters
from vigie_training.weighting import fit_weights

LIBRARIES = ("lightgbm", "numpy", "onnxruntime", "tokenizers")
GOLDEN_TOLERANCE = 0.03
FOLDS = 5
TREES, QUICK_TREES = 120, 40
FROZEN_TREES = 600

Learner = dict[str, str | int | float]
Doubles = npt.NDArray[np.float64]

LEARNER: Learner = {
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
FROZEN_LEARNER: Learner = {"num_leaves": 31}


class Sample(NamedTuple):
    """What trees are grown on: vectors `[n, d]`, labels `[n]` and weights `[n]`."""

    vectors: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    weights: Doubles

    def where(self, mask: Mask) -> "Sample":
        """The rows that the mask `[n]` names."""
        return Sample(self.vectors[mask], self.labels[mask], self.weights[mask])


def fit(split: Split, options: Options, report: Report) -> ServedFiles:
    """See `Recipe`. With `options.sentence_encoder` that encoder is used as it is, else the transformer is tuned."""
    return _fit_frozen(split, options, report) if options.sentence_encoder else _fit_tuned(split, options, report)


def _fit_tuned(split: Split, options: Options, report: Report) -> ServedFiles:
    """The encoder is tuned on `split.fit`, the trees are grown on `split.calibration`.

    Of rows that it was tuned on, the encoder's vectors are far surer than of others: trees grown on those would trust
    it too much. The calibration is fitted on what trees say of rows that they were not grown on (five folds).
    """
    from vigie_training.transformer import eight_bits  # noqa: PLC0415 (loading a model needs no onnx)

    with tuned_transformer(split.fit, options, report) as tuned:
        kept = NewFolder()
        folder = kept.path
        shutil.copyfile(tuned / TOKENIZER, folder / TOKENIZER)
        eight_bits.compact(tuned / GRAPH, folder / GRAPH, split.calibration.texts)
        tuning = tuning_parameters(tuned)
    report("computing sentence vectors")
    vectors = open_features(folder)(split.calibration.texts)
    trees = QUICK_TREES if options.quick else TREES
    report("growing trees")
    sample = Sample(vectors, split.calibration.labels, calibration_weights(split.calibration))
    unseen = _scores_of_unseen(sample, trees, options.seed)
    platt = fit_platt(unseen, split.calibration)
    booster = _grown(sample, LEARNER, trees, options.seed)
    said: Parameters = {"base_model": options.base_model or "MiniLM-L6", **tuning}
    return _saved(kept, (TOKENIZER, GRAPH), booster, platt, said, unseen=unseen)


def _fit_frozen(split: Split, options: Options, report: Report) -> ServedFiles:
    """What an encoder that nothing was tuned in says of its texts is as good for rows that trees were grown on."""
    kept = NewFolder()
    folder = kept.path
    shutil.copytree(saved_model_folder(options.sentence_encoder, options.home), folder / SAVED_MODEL)
    features = open_features(folder)
    report("computing sentence vectors")
    sample = Sample(features(split.fit.texts), split.fit.labels, fit_weights(split.fit))
    report("growing trees")
    trees = QUICK_TREES if options.quick else FROZEN_TREES
    booster = _grown(sample, LEARNER | FROZEN_LEARNER, trees, options.seed)
    report("calibrating")
    scores = np.asarray(booster.predict(features(split.calibration.texts), raw_score=True))
    platt = fit_platt(scores, split.calibration)
    return _saved(kept, (SAVED_MODEL,), booster, platt, {"sentence_encoder": as_shown(options.sentence_encoder)})


def _saved(
    kept: NewFolder,
    encoder: tuple[str, ...],
    booster: lightgbm.Booster,
    platt: Platt,
    said: Parameters,
    *,
    unseen: Doubles | None = None,
) -> ServedFiles:
    folder = kept.path
    booster.save_model(folder / BOOSTER)
    calibration = Calibration(slope=platt.slope, shift=platt.shift)
    calibration.save(folder)
    parameters = said | {
        "trees": booster.num_trees(),
        "num_leaves": booster.params["num_leaves"],
        "learning_rate": booster.params["learning_rate"],
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
    }
    names = (*encoder, BOOSTER, CALIBRATION)
    told = None if unseen is None else calibration.negative(unseen)
    return ServedFiles(folder, names, BoostedVectors.load(folder).predict, parameters, kept=kept, unseen=told)


def load(directory: Path) -> ServedFiles:
    """See `Recipe`."""
    encoder = (SAVED_MODEL,) if (directory / SAVED_MODEL).is_dir() else (TOKENIZER, GRAPH)
    names = (*encoder, BOOSTER, CALIBRATION)
    return ServedFiles(directory, names, BoostedVectors.load(directory).predict, {})


def _scores_of_unseen(sample: Sample, trees: int, seed: int) -> Doubles:
    """For each row the log-odds by trees grown on the other folds: `[n]`."""
    scores = np.zeros(len(sample.labels))
    folds = np.random.default_rng(seed).permutation(len(scores)) % FOLDS
    for fold in range(FOLDS):
        booster = _grown(sample.where(folds != fold), LEARNER, trees, seed)
        scores[folds == fold] = np.asarray(booster.predict(sample.vectors[folds == fold], raw_score=True))
    return scores


def _grown(sample: Sample, learner: Learner, trees: int, seed: int) -> lightgbm.Booster:
    data = lightgbm.Dataset(sample.vectors, sample.labels, weight=sample.weights)
    return lightgbm.train(learner | {"seed": seed % 2**31}, data, trees)
