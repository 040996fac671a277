"""Small artefacts of the family `logreg`, fitted on a dozen texts."""

import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse
import skops.io
from sklearn.linear_model import LogisticRegression

from vigie.artifacts import GoldenRow
from vigie.ngrams import count_ngrams
from vigie.text import normalise
from vigie.tfidf import TfidfLogit, TfidfVectors

NEGATIVE = ("late again", "worst airline ever", "you lost my bag", "rude crew", "still waiting #fail", "never again")
POSITIVE = ("lovely crew", "thank you so much", "best flight ever", "on time, great", "smooth landing", "love it :)")


def write_logreg(folder: Path, *, strength: float = 1.0, off_by: float = 0.0) -> list[GoldenRow]:
    """Writes the files of an artefact and gives its golden rows, wrong by `off_by`."""
    vectors, classifier = fit_logreg(strength)
    state = {"columns": vectors.columns, "idf": vectors.idf, "classifier": classifier}
    skops.io.dump(state, folder / "pipeline.skops", compression=zipfile.ZIP_DEFLATED)
    model = TfidfLogit(vectors, classifier.coef_[0], float(classifier.intercept_[0]))
    texts = [NEGATIVE[0], POSITIVE[0], "what a day @delta http://t.co/x", "☂️☂️☂️"]
    return [
        GoldenRow(text=text, probability_negative=float(value) + off_by)
        for text, value in zip(texts, model.predict(texts), strict=True)
    ]


def fit_logreg(strength: float = 1.0) -> tuple[TfidfVectors, LogisticRegression]:
    """A model that knows a dozen texts."""
    texts = [*NEGATIVE, *POSITIVE]
    columns = np.unique(count_ngrams([normalise(text) for text in texts]).columns).astype(np.int32)
    vectors = TfidfVectors(columns, np.ones(len(columns), np.float32))
    documents, positions, values = vectors.entries(texts)
    matrix = scipy.sparse.csr_matrix((values, (documents, positions)), shape=(len(texts), len(columns)))
    labels = [0] * len(NEGATIVE) + [1] * len(POSITIVE)
    return vectors, LogisticRegression(C=strength).fit(matrix, labels)
