"""Metrics of a model on rows that nothing was fitted on, pooled and per data set."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import confusion_matrix, roc_curve

from vigie.cards import CalibrationBin, HeldOut
from vigie.predictor import Probabilities
from vigie_training.metrics import CALIBRATION_BINS, METRICS, Doubles, Labels, calibration_bins
from vigie_training.rows import POOLED, SOURCE, Rows

ROC_POINTS = 101
_BATCH = 512

Predict = Callable[[Sequence[str]], Probabilities]


class Evaluation(NamedTuple):
    """What a model said of `rows`, and one line of metrics per data set after the pooled one (`all`)."""

    rows: Rows
    positive: npt.NDArray[np.float64]
    table: pd.DataFrame

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each row's answer is its label."""
        right: npt.NDArray[np.bool_] = (self.positive > 0.5) == (self.rows.labels == 1)
        return right

    def pooled(self) -> dict[str, float]:
        """`accuracy`, … of all rows."""
        return {name: value for name, value in self.metrics().items() if name in METRICS}

    def metrics(self) -> dict[str, float]:
        """`accuracy`, … of all rows, and `accuracy.<data set>`, … of each data set if there are several."""
        flat: dict[str, float] = {}
        for line in self.table.to_dict("records"):
            suffix = "" if line["data_set"] == POOLED else f".{line['data_set']}"
            flat |= {f"{name}{suffix}": float(line[name]) for name in METRICS if not np.isnan(line[name])}
        return flat

    def held_out(self) -> HeldOut:
        """What the card of the model draws of this, pooled."""
        once = self.rows.once()
        labels, positive = self.rows.labels[once], self.positive[once]
        (a, b), (c, d) = confusion_matrix(labels, positive > 0.5, labels=[0, 1]).tolist()
        bins = calibration_bins(positive)
        sizes, said, true = (np.bincount(bins, each, CALIBRATION_BINS) for each in (None, positive, labels))
        used = np.flatnonzero(sizes)
        calibration = [CalibrationBin(said=said[i] / sizes[i], true=true[i] / sizes[i], rows=sizes[i]) for i in used]
        return HeldOut(
            rows=len(labels), confusion=((a, b), (c, d)), roc=_roc(labels, positive), calibration=calibration
        )


def evaluate(predict: Predict, rows: Rows) -> Evaluation:
    """Evaluates on every row; in the pooled line a tweet counts once (see `Rows.once`).

    A data set with rows of one label only has no area under the curve and no macro recall (NaN).
    """
    parts = [predict(rows.texts[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)]
    positive = 1.0 - np.concatenate(parts).astype(np.float64)
    sources = rows.frame[SOURCE].to_numpy()
    once = rows.once()
    lines = [_line(POOLED, rows.labels[once], positive[once])]
    if len(rows.sources) > 1:
        lines += [_line(source, rows.labels[sources == source], positive[sources == source]) for source in rows.sources]
    return Evaluation(rows, positive, pd.DataFrame(lines))


def _roc(labels: npt.NDArray[np.int64], positive: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    if len(set(labels.tolist())) < 2:
        return []
    false, true, _ = roc_curve(labels, positive)
    points = np.unique(np.linspace(0, len(false) - 1, ROC_POINTS).round().astype(int))
    return [(round(float(false[i]), 4), round(float(true[i]), 4)) for i in points]


def _line(name: str, labels: Labels, positive: Doubles) -> dict[str, str | int | float]:
    alike = np.ones(len(labels))
    found = {metric: measure(labels, positive, alike) for metric, measure in METRICS.items()}
    return {"data_set": name, "rows": len(labels), **found}
