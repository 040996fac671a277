"""A logistic regression on more rows than fit into memory as TF-IDF vectors: n-grams wait on disk, gradients are
averaged over passes through them (averaged stochastic gradient descent, Polyak and Juditsky 1992).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.linear_model import LogisticRegression, SGDClassifier

from vigie.ngrams import Counts, count_ngrams
from vigie.text import normalise
from vigie.tfidf import Entries, TfidfVectors
from vigie_training.recipes import Report

PASSES = 6
CHUNK = 8192
_MOST = np.iinfo(np.uint16).max


class CountedRows:
    """The n-grams of rows, counted once, in files of `CHUNK` rows below a folder."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        self._folder = folder
        self._rows = len(texts)
        for start in range(0, self._rows, CHUNK):
            chunk = texts[start : start + CHUNK]
            counted = count_ngrams([normalise(text) for text in chunk])
            starts = np.searchsorted(counted.documents, np.arange(len(chunk) + 1))
            np.savez(
                self._file(start),
                starts=starts.astype(np.int64),
                columns=counted.columns.astype(np.int32),
                counts=np.minimum(counted.counts, _MOST).astype(np.uint16),
            )

    def chunks(self) -> Iterator[tuple[slice, Counts]]:
        """Which rows, and their n-grams, chunk after chunk."""
        for start in range(0, self._rows, CHUNK):
            with np.load(self._file(start)) as kept:
                starts, columns, counts = kept["starts"], kept["columns"], kept["counts"]
            documents = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
            rows = slice(start, start + len(starts) - 1)
            yield rows, Counts(documents, columns.astype(np.int64), counts.astype(np.int64))

    def _file(self, start: int) -> Path:
        return self._folder / f"{start}.npz"


def sparse(entries: Entries, shape: tuple[int, int]) -> scipy.sparse.csr_matrix:
    """The entries of `shape[0]` rows in double precision: in single, an optimiser stops too early."""
    starts = np.searchsorted(entries.documents, np.arange(shape[0] + 1)).astype(np.int32)
    return scipy.sparse.csr_matrix((entries.values.astype(np.float64), entries.positions, starts), shape=shape)


def fit_streamed(
    counted: CountedRows,
    vectors: TfidfVectors,
    labels: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    *,
    penalty_c: float,
    seed: int,
    report: Report,
) -> LogisticRegression:
    """The objective of scikit-learn's `LogisticRegression(C=penalty_c)`, nearly reached."""
    alpha = 1 / (penalty_c * weights.sum())
    descent = SGDClassifier(loss="log_loss", alpha=alpha, average=True, random_state=seed % 2**31)
    scaled = weights / weights.mean()
    for number in range(PASSES):
        report(f"fitting the logistic regression, pass {number + 1} of {PASSES}")
        for rows, grams in counted.chunks():
            size = rows.stop - rows.start
            matrix = sparse(vectors.weigh(grams, size), (size, len(vectors.columns)))
            descent.partial_fit(matrix, labels[rows], classes=[0, 1], sample_weight=scaled[rows])
    found = LogisticRegression(C=penalty_c)
    found.classes_, found.n_features_in_ = descent.classes_, descent.n_features_in_
    found.coef_, found.intercept_ = descent.coef_, descent.intercept_
    found.n_iter_ = np.array([PASSES], np.int32)
    return found
