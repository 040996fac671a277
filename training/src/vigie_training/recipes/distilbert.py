"""A pretrained transformer (MiniLM-L6 by default), tuned on tweets, served in 8 bits where that costs nothing."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vigie.encoder import GRAPH, SCORE, TOKENIZER, TextEncoder
from vigie_training.calibration import fit_platt
from vigie_training.gate import SIGNIFICANCE, sign_test
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import Mask, Rows
from vigie_training.served_files import NewFolder, ServedFiles
from vigie_training.splitting import Split
from vigie_training.transformer.tuned import tuned_transformer, tuning_parameters

LIBRARIES = ("numpy", "onnxruntime", "tokenizers")
GOLDEN_TOLERANCE = 0.03
FILES = (TOKENIZER, GRAPH)
MOST_LOST = 0.003

_FULL, _COMPACT = "full.onnx", "compact.onnx"


def fit(split: Split, options: Options, report: Report) -> ServedFiles:
    """See `Recipe`."""
    from vigie_training.transformer import eight_bits, export  # noqa: PLC0415 (loading a model needs neither torch nor onnx)

    with tuned_transformer(split.fit, options, report) as tuned:
        kept = NewFolder()
        folder = kept.path
        shutil.copyfile(tuned / TOKENIZER, folder / TOKENIZER)
        shutil.copyfile(tuned / GRAPH, folder / _FULL)
        tuning = tuning_parameters(tuned)
    report("making the transformer compact")
    eight_bits.compact(folder / _FULL, folder / _COMPACT, split.calibration.texts)
    report("calibrating")
    scores = {name: _scores(folder, name, split.calibration) for name in (_FULL, _COMPACT)}
    right = {name: (found > 0) == split.calibration.labels for name, found in scores.items()}
    chosen = _FULL if loses(right[_FULL], right[_COMPACT]) else _COMPACT
    platt = fit_platt(scores[chosen], split.calibration)
    (folder / chosen).rename(folder / GRAPH)
    export.calibrate(folder / GRAPH, platt)
    parameters: Parameters = {
        "base_model": options.base_model or "MiniLM-L6",
        "weights": "int8" if chosen == _COMPACT else "float32",
        "calibration_accuracy_float32": float(right[_FULL].mean()),
        "calibration_accuracy_int8": float(right[_COMPACT].mean()),
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
        **tuning,
    }
    return ServedFiles(folder, FILES, TextEncoder.load(folder).predict, parameters, kept=kept)


def load(directory: Path) -> ServedFiles:
    """See `Recipe`."""
    return ServedFiles(directory, FILES, TextEncoder.load(directory).predict, {})


def loses(full: Mask, compact: Mask) -> bool:
    """Whether 8 bits cost more than `MOST_LOST`, and not by chance: of a hundred rows one is more already. Which of n
    rows each is right on.
    """
    lost, won = int((full & ~compact).sum()), int((compact & ~full).sum())
    return (lost - won) / len(full) > MOST_LOST and sign_test(lost, won) < SIGNIFICANCE


def _scores(folder: Path, graph: str, rows: Rows) -> npt.NDArray[np.float64]:
    return TextEncoder.load(folder, graph).run(rows.texts, [SCORE])[0].astype(np.float64)
