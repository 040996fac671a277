"""FastText vectors by gensim and a bidirectional LSTM by Keras, served as an ONNX graph."""

from pathlib import Path

import numpy as np

from vigie.word_network import NETWORK, WordNetwork, word_sequences
from vigie.words import WORDS_FILE
from vigie_training.calibration import Platt, fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import Rows
from vigie_training.served_files import NewFolder, ServedFiles
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import judged, soft_labels
from vigie_training.variants import variants
from vigie_training.weighting import Labelled, fit_weights

LIBRARIES = ("numpy", "onnxruntime")
GOLDEN_TOLERANCE = 1e-3
FILES = (WORDS_FILE, NETWORK)
WIDTH = 100
EPOCHS_OF_VECTORS = 5
_COMPARED = 64


def fit(split: Split, options: Options, report: Report) -> ServedFiles:
    """See `Recipe`. The network learns from soft labels, and from as many variants of the rows."""
    from vigie_training.recurrent import fitting, graph  # noqa: PLC0415 (TensorFlow takes seconds to import)
    from vigie_training.word_vectors import fit_word_vectors  # noqa: PLC0415 (only a fit needs gensim)

    rows, tuning = _rows(split.fit, options, report)
    report("fitting word vectors")
    vectors = fit_word_vectors(split.fit.texts, width=WIDTH, epochs=EPOCHS_OF_VECTORS, seed=options.seed)
    shape = fitting.QUICK if options.quick else fitting.Shape()
    fitted = fitting.fit_network(vectors, rows, shape, seed=options.seed, report=report)
    report("calibrating")
    kept = NewFolder()
    folder = kept.path
    fitted.vectors.save(folder)
    graph.write_graph(fitted.body, folder / NETWORK, Platt(1.0, 0.0))
    scores = WordNetwork.load(folder).scores(split.calibration.texts)
    platt = fit_platt(scores.astype(np.float64), split.calibration)
    graph.write_graph(fitted.body, folder / NETWORK, platt)
    compared = word_sequences(fitted.vectors, split.calibration.texts[:_COMPARED])
    apart = graph.check_equal(fitted.body, folder / NETWORK, compared, platt)
    parameters: Parameters = {
        "words": len(vectors.vocabulary),
        "width": WIDTH,
        **shape._asdict(),
        "keras_and_onnx_apart": apart,
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
        **tuning,
    }
    return ServedFiles(folder, FILES, WordNetwork.load(folder).predict, parameters, kept=kept)


def _rows(fitted: Rows, options: Options, report: Report) -> tuple[Labelled, Parameters]:
    soft = soft_labels(fitted, options, report)
    rows = Labelled.of(fitted, fit_weights(fitted))._replace(targets=soft.targets)
    if options.quick:
        return rows, soft.parameters
    further = variants(rows.texts, options.seed)
    targets = np.concatenate([rows.targets, judged(further, fitted, options, report)])
    return Labelled([*rows.texts, *further], targets, np.tile(rows.weights, 2)), soft.parameters


def load(directory: Path) -> ServedFiles:
    """See `Recipe`."""
    return ServedFiles(directory, FILES, WordNetwork.load(directory).predict, {})
