"""FastText vectors by gensim and a bidirectional LSTM by Keras, served as an ONNX graph."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vigie.predictor import Probabilities
from vigie.word_network import NETWORK, WordNetwork, word_sequences
from vigie.words import WORDS_FILE
from vigie_training.calibration import Platt, fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.splitting import Split
from vigie_training.weighting import Labelled

LIBRARIES = ("numpy", "onnxruntime")
GOLDEN_TOLERANCE = 1e-3
WIDTH = 100
EPOCHS_OF_VECTORS, QUICK_EPOCHS_OF_VECTORS = 5, 2
_COMPARED = 64


class FittedLstm:
    """The files that are served, in a folder of its own."""

    def __init__(self, folder: Path, parameters: Parameters, owner: object = None) -> None:
        """`owner` is kept: it removes the folder when nobody needs it any longer."""
        self._folder = folder
        self._owner = owner
        self._model = WordNetwork.load(folder)
        self.parameters = parameters

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `Fitted`."""
        return self._model.predict(texts)

    def save(self, directory: Path) -> None:
        """`words.npz` and `network.onnx`, whose output is the log-odds of *positive*."""
        for name in (WORDS_FILE, NETWORK):
            shutil.copyfile(self._folder / name, directory / name)


def fit(split: Split, options: Options, report: Report) -> FittedLstm:
    """See `Recipe`."""
    from vigie_training.recurrent import fitting, graph  # noqa: PLC0415 (TensorFlow takes seconds to import)
    from vigie_training.word_vectors import fit_word_vectors  # noqa: PLC0415 (only a fit needs gensim)

    report("fitting word vectors")
    epochs = QUICK_EPOCHS_OF_VECTORS if options.quick else EPOCHS_OF_VECTORS
    vectors = fit_word_vectors(split.fit.texts, width=WIDTH, epochs=epochs, seed=options.seed)
    shape = fitting.QUICK if options.quick else fitting.Shape()
    rows = Labelled.of(split.fit)
    fitted = fitting.fit_network(vectors, rows, shape, seed=options.seed, report=report)
    report("calibrating")
    owner = tempfile.TemporaryDirectory(prefix="vigie-")
    folder = Path(owner.name)
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
    }
    return FittedLstm(folder, parameters, owner)


def load(directory: Path) -> FittedLstm:
    """See `Recipe`. The folder has to stay as long as the model is to be saved again."""
    return FittedLstm(directory, {})
