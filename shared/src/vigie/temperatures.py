"""Temperature scaling (Guo et al. 2017) by kind of tweet: it changes how sure a model says it is, never its label.

At the same score a tweet to a company is a complaint far more often than a tweet to friends. One calibration for both
is too unsure of the one or too sure of the other.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from vigie.artifacts import ArtifactError
from vigie.predictor import Explainer, InTime, LoadablePredictor, Predictor, Probabilities, always, log_odds
from vigie.schemas import WordWeight
from vigie.text import normalise

TEMPERATURES = "temperatures.json"
BEND = 1.0
# Apostrophes and the sign of a handle belong to a word.
_MARKS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?[\\]^_`{|}~0123456789', " "))

Slope = Annotated[FiniteFloat, Field(gt=0)]
Doubles = npt.NDArray[np.float64]


class Slopes(BaseModel):
    """What log-odds are multiplied by: of tweets that are not `of_kind`, and of those that are, there with another
    slope for what lies beyond `BEND`; null means the same.
    """

    model_config = ConfigDict(frozen=True)

    elsewhere: Slope
    of_kind: Slope
    of_kind_beyond: Slope | None = None

    def scaled(self, odds: Doubles, kinds: Doubles) -> Doubles:
        """Log-odds `[n]` of tweets that are of the kind with probability `kinds` `[n]`."""
        beyond = self.of_kind if self.of_kind_beyond is None else self.of_kind_beyond
        near = np.clip(odds, -BEND, BEND)
        of_kind = near * self.of_kind + (odds - near) * beyond
        return np.asarray((1 - kinds) * odds * self.elsewhere + kinds * of_kind)


class Temperatures(BaseModel):
    """`words` and `bias` are a logistic regression on the different words of a tweet: whether it is of the kind.

    The slopes for log-odds that speak for *negative* and for *positive* are weighed by that probability.
    """

    model_config = ConfigDict(frozen=True)

    words: dict[str, FiniteFloat]
    bias: FiniteFloat
    negative: Slopes
    positive: Slopes

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Null where there is no `temperatures.json`; raises `ArtifactError` when it is not what `save` writes."""
        path = directory / TEMPERATURES
        if not path.exists():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ArtifactError(f"{TEMPERATURES}: expected words, bias and slopes above zero: {error}") from error

    def save(self, directory: Path) -> None:
        """Writes `temperatures.json`."""
        (directory / TEMPERATURES).write_text(self.model_dump_json(), encoding="utf-8")

    def kinds(self, texts: Sequence[str]) -> Doubles:
        """The probability that each of n texts is of the kind: `[n]`."""
        weigh = self.words.get
        sums = [sum([weigh(word, 0.0) for word in different_words(text)]) for text in texts]
        return np.asarray(1 / (1 + np.exp(-(self.bias + np.array(sums, np.float64)))))

    def scaled(self, texts: Sequence[str], negative: Probabilities) -> Probabilities:
        """The probabilities of *negative* `[n]` as they should be said: on the same side of one half."""
        kinds = self.kinds(texts)
        odds = log_odds(negative)
        said = np.where(odds >= 0, self.negative.scaled(odds, kinds), self.positive.scaled(odds, kinds))
        return np.asarray(1 / (1 + np.exp(-said)), np.float32)


class Tempered:
    """A predictor whose probabilities are scaled."""

    def __init__(self, predictor: Predictor, temperatures: Temperatures) -> None:
        self._predictor = predictor
        self._temperatures = temperatures

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `Predictor`."""
        return self._temperatures.scaled(texts, self._predictor.predict(texts))


class TemperedExplainer(Tempered):
    """One that also explains: words weigh what they weigh in the score before it is scaled."""

    def __init__(self, predictor: Predictor, explainer: Explainer, temperatures: Temperatures) -> None:
        super().__init__(predictor, temperatures)
        self._explainer = explainer

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        """See `Explainer`."""
        return self._explainer.explain(texts, in_time)


def different_words(text: str) -> set[str]:
    """Of a text as it came, in lower case; made for speed, since every tweet that is predicted passes here."""
    return set(normalise(text).lower().translate(_MARKS).split())


def load_tempered(kind: type[LoadablePredictor], directory: Path) -> Predictor:
    """The predictor in a verified artefact, scaled where the artefact says how; raises what either load raises."""
    predictor, temperatures = kind.load(directory), Temperatures.load(directory)
    if temperatures is None:
        return predictor
    if isinstance(predictor, Explainer):
        return TemperedExplainer(predictor, predictor, temperatures)
    return Tempered(predictor, temperatures)
