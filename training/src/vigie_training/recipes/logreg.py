"""TF-IDF over word and character n-grams, and a logistic regression."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse
import skops.io
from sklearn.linear_model import LogisticRegression

from vigie.ngrams import COLUMNS, Counts, count_ngrams
from vigie.predictor import Probabilities
from vigie.text import normalise
from vigie.tfidf import Floats, TfidfLogit, TfidfVectors
from vigie_training.calibration import Platt, fit_platt
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.splitting import Split
from vigie_training.streamed_logreg import CHUNK, CountedRows, fit_streamed, sparse
from vigie_training.weighting import fit_weights

LIBRARIES = ("numpy", "scikit-learn", "skops")
GOLDEN_TOLERANCE = 1e-4
PIPELINE = "pipeline.skops"
FEWEST_ROWS = 3
PENALTY_C = 1.5
TOLERANCE = 0.1
WEIGHT_STEP = 2**-7
IDF_STEP = 2**-4
MOST_IN_MEMORY = 400_000


class FittedLogreg:
    """The model and the scikit-learn estimator that holds its weights."""

    unseen: Probabilities | None = None

    def __init__(self, model: TfidfLogit, classifier: LogisticRegression, parameters: Parameters):
        self._model = model
        self._classifier = classifier
        self.parameters = parameters
        self.predict = model.predict

    def save(self, directory: Path) -> None:
        """`pipeline.skops`: a dictionary of `columns` int32 `[k]`, `idf` float32 `[k]` and `classifier`.

        The classifier's `coef_` `[1, k]` and `intercept_` are calibrated: they can be used as they are.
        """
        vectors = self._model.vectors
        state = {"columns": vectors.columns, "idf": vectors.idf, "classifier": self._classifier}
        skops.io.dump(state, directory / PIPELINE, compression=8, compresslevel=9)


def fit(split: Split, options: Options, report: Report) -> FittedLogreg:
    """See `Recipe`. The seed also orders the optimiser's passes."""
    if len(split.fit) > MOST_IN_MEMORY:
        return _fit_streamed(split, options, report)
    report("counting n-grams")
    vectors = _vectors(_counted(split.fit.texts))
    report("weighing n-grams")
    matrix = _matrix(vectors, split.fit.texts)
    report("fitting the logistic regression")
    # Dual coordinate descent gets there in a third of the time that L-BFGS takes to be as accurate.
    classifier = LogisticRegression(
        C=PENALTY_C, solver="liblinear", dual=True, tol=TOLERANCE, random_state=options.seed % 2**31
    )
    classifier.fit(matrix, split.fit.labels, sample_weight=fit_weights(split.fit))
    report("calibrating")
    scores = classifier.decision_function(_matrix(vectors, split.calibration.texts))
    return _calibrated(vectors, classifier, fit_platt(scores, split.calibration))


def _fit_streamed(split: Split, options: Options, report: Report) -> FittedLogreg:
    """In an order drawn anew: rows of a split are sorted by their text."""
    order = np.random.default_rng(options.seed).permutation(len(split.fit))
    texts = split.fit.texts
    with tempfile.TemporaryDirectory(prefix="vigie-counts-") as folder:
        report("counting n-grams")
        counted = CountedRows(Path(folder), [texts[row] for row in order])
        del texts
        vectors = _vectors((rows.stop - rows.start, grams) for rows, grams in counted.chunks())
        labels, weights = split.fit.labels[order], fit_weights(split.fit)[order]
        classifier = fit_streamed(
            counted, vectors, labels, weights, penalty_c=PENALTY_C, seed=options.seed, report=report
        )
    report("calibrating")
    scores = classifier.decision_function(_matrix(vectors, split.calibration.texts))
    return _calibrated(vectors, classifier, fit_platt(scores, split.calibration))


def load(directory: Path) -> FittedLogreg:
    """See `Recipe`."""
    state = skops.io.load(directory / PIPELINE, trusted=[])
    classifier: LogisticRegression = state["classifier"]
    return FittedLogreg(_model(TfidfVectors(state["columns"], state["idf"]), classifier), classifier, {})


def _vectors(counted: Iterable[tuple[int, Counts]]) -> TfidfVectors:
    """Every column that stands in at least three rows: what one or two people wrote is not learnt."""
    rows_with, rows = np.zeros(COLUMNS, np.int64), 0
    for size, grams in counted:
        rows_with += np.bincount(grams.columns, minlength=COLUMNS)
        rows += size
    columns = np.flatnonzero(rows_with >= FEWEST_ROWS)
    idf = np.log((1 + rows) / (1 + rows_with[columns])) + 1
    return TfidfVectors(columns.astype(np.int32), _rounded(idf, IDF_STEP))


def _matrix(vectors: TfidfVectors, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
    parts = [sparse(vectors.weigh(grams, size), (size, len(vectors.columns))) for size, grams in _counted(texts)]
    return scipy.sparse.csr_matrix(scipy.sparse.vstack(parts, format="csr"))


def _counted(texts: Sequence[str]) -> Iterator[tuple[int, Counts]]:
    """How many rows, and their n-grams, chunk after chunk."""
    for start in range(0, len(texts), CHUNK):
        chunk = [normalise(text) for text in texts[start : start + CHUNK]]
        yield len(chunk), count_ngrams(chunk)


def _calibrated(vectors: TfidfVectors, classifier: LogisticRegression, platt: Platt) -> FittedLogreg:
    """Folds the calibration into the weights."""
    steps = int(classifier.n_iter_[0])
    classifier.coef_ = _rounded(classifier.coef_ * platt.slope, WEIGHT_STEP)
    classifier.intercept_ = classifier.intercept_ * platt.slope + platt.shift
    parameters: Parameters = {
        "columns": len(vectors.columns),
        "fewest_rows": FEWEST_ROWS,
        "penalty_c": PENALTY_C,
        "steps": steps,
        "platt_slope": platt.slope,
        "platt_shift": platt.shift,
    }
    return FittedLogreg(_model(vectors, classifier), classifier, parameters)


def _model(vectors: TfidfVectors, classifier: LogisticRegression) -> TfidfLogit:
    return TfidfLogit(vectors, classifier.coef_[0], float(classifier.intercept_[0]))


def _rounded(values: npt.NDArray[np.float64], step: float) -> Floats:
    """To multiples of a power of two: exact in float32, and a third of the size once compressed."""
    return (np.round(values / step) * step).astype(np.float32)
