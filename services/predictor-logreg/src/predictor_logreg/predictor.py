"""TF-IDF over n-grams + logistic regression, from a skops file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vigie.artifacts import ArtifactError
from vigie.predictor import InTime, Probabilities, always, heaviest
from vigie.schemas import WordWeight
from vigie.serving.skops_file import Described, read_skops
from vigie.tfidf import TfidfLogit, TfidfVectors

PIPELINE = "pipeline.skops"
ALLOWED = frozenset(
    {
        *(f"builtins.{name}" for name in ("dict", "list", "str", "tuple")),
        *(f"numpy.{name}" for name in ("float32", "float64", "int32", "int64", "ndarray")),
        "sklearn.linear_model._logistic.LogisticRegression",
    }
)


class LogregPredictor:
    """What a `LogisticRegression` over the classes 0 and 1 learned about columns of `vigie.ngrams`."""

    def __init__(self, model: TfidfLogit) -> None:
        self._model = model

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads `pipeline.skops`; raises `ArtifactError` when it names a type that is not in `ALLOWED`."""
        match read_skops(directory / PIPELINE, allowed=ALLOWED):
            case {
                "columns": columns,
                "idf": idf,
                "classifier": Described(attributes={"classes_": classes, "coef_": coef, "intercept_": intercept}),
            }:
                if list(classes) != [0, 1]:
                    raise ArtifactError(f"{PIPELINE}: expected the classes 0 and 1, got {list(classes)!r}")
                return cls(TfidfLogit(TfidfVectors(columns, idf), coef[0], float(intercept[0])))
            case found:
                raise ArtifactError(f"{PIPELINE}: expected columns, idf and classifier, got {type(found)!r}")

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative` for each of n texts: `float32`, shape `[n]`."""
        return self._model.predict(texts)

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        """For each of n texts the words that weighed most, the heaviest first."""
        return [heaviest(self._model.explain(text)) for text in texts]
