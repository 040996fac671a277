"""A pretrained transformer (MiniLM-L6 by default), tuned on tweets, served in 8 bits where that costs nothing."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vigie.encoder import GRAPH, SCORE, TOKENIZER, TextEncoder
from vigie.predictor import Probabilities
from vigie_training.calibration import fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import Rows
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import tuned_transformer

LIBRARIES = ("numpy", "onnxruntime", "tokenizers")
GOLDEN_TOLERANCE = 0.03
MOST_LOST = 0.003

_FULL, _COMPACT = "full.onnx", "compact.onnx"


class FittedDistilbert:
    """The files that are served, in a folder of its own."""

    def __init__(self, folder: Path, parameters: Parameters, owner: object = None) -> None:
        """`owner` is kept: it removes the folder when nobody needs it any longer."""
        self._folder = folder
        self._owner = owner
        self._encoder = TextEncoder.load(folder)
        self.parameters = parameters

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `Fitted`."""
        (scores,) = self._encoder.run(texts, [SCORE])
        return np.asarray(1 / (1 + np.exp(scores)), np.float32)

    def save(self, directory: Path) -> None:
        """`tokenizer.json` and `encoder.onnx`, whose output `score` is the log-odds of *positive*."""
        for name in (TOKENIZER, GRAPH):
            shutil.copyfile(self._folder / name, directory / name)


def fit(split: Split, options: Options, report: Report) -> FittedDistilbert:
    """See `Recipe`."""
    from vigie_training.transformer import export  # noqa: PLC0415 (loading a model needs neither torch nor onnx)

    tuned = tuned_transformer(split.fit, options, report)
    owner = tempfile.TemporaryDirectory(prefix="vigie-")
    folder = Path(owner.name)
    shutil.copyfile(tuned / TOKENIZER, folder / TOKENIZER)
    shutil.copyfile(tuned / GRAPH, folder / _FULL)
    report("making the transformer compact")
    export.compact(folder / _FULL, folder / _COMPACT)
    report("calibrating")
    scores = {name: _scores(folder, name, split.calibration) for name in (_FULL, _COMPACT)}
    right = {name: float(((found > 0) == split.calibration.labels).mean()) for name, found in scores.items()}
    chosen = _COMPACT if right[_COMPACT] >= right[_FULL] - MOST_LOST else _FULL
    platt = fit_platt(scores[chosen], split.calibration)
    (folder / chosen).rename(folder / GRAPH)
    export.calibrate(folder / GRAPH, platt)
    parameters: Parameters = {
        "base_model": options.base_model or "MiniLM-L6",
        "weights": "int8" if chosen == _COMPACT else "float32",
        "calibration_accuracy_float32": right[_FULL],
        "calibration_accuracy_int8": right[_COMPACT],
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
    }
    return FittedDistilbert(folder, parameters, owner)


def load(directory: Path) -> FittedDistilbert:
    """See `Recipe`. The folder has to stay as long as the model is to be saved again."""
    return FittedDistilbert(directory, {})


def _scores(folder: Path, graph: str, rows: Rows) -> npt.NDArray[np.float64]:
    return TextEncoder.load(folder, graph).run(rows.texts, [SCORE])[0].astype(np.float64)
