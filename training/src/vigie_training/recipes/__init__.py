"""One recipe per model family; the module is named like the family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from vigie.catalogue import FAMILIES, find_family
from vigie.predictor import Probabilities
from vigie.temperatures import Temperatures
from vigie_training.splitting import Split
from vigie_training.tempering import fit_temperatures

Parameters = dict[str, str | int | float]
Report = Callable[[str], None]
"""Told in a few words what a long piece of work is doing now."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to fit: `quick` means small, for demonstrations and tests; `base_model` is the pretrained transformer (a
    folder, a Hugging Face name, or empty for MiniLM-L6); `sentence_encoder` is a SavedModel (a folder, or the URL of a
    `.tar.gz` of one) in place of that for the family that only needs sentence vectors, empty for none; what several
    families build on is kept under `home`, where `resume` also looks for a training that was interrupted.
    """

    seed: int
    quick: bool = False
    base_model: str = ""
    sentence_encoder: str = ""
    home: Path = Path("var")
    resume: bool = False


class Fitted(Protocol):
    """A model in memory."""

    parameters: Parameters
    unseen: Probabilities | None
    """P(negative) of the calibration rows as if they had not been fitted on; null when `predict` says just that."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probability of `negative`, exactly as the predictor of the family answers."""
        ...

    def save(self, directory: Path) -> None:
        """Writes the files of the artefact; the caller seals it."""
        ...


class Recipe(Protocol):
    """What a module in this package offers."""

    LIBRARIES: tuple[str, ...]
    GOLDEN_TOLERANCE: float
    """How far another machine's arithmetic may move the probability of a golden row."""

    def fit(self, split: Split, options: Options, report: Report) -> Fitted:
        """Fits on `split.fit`, calibrates on `split.calibration`; `split.test` is not for it to see."""
        ...

    def load(self, directory: Path) -> Fitted:
        """Reads a verified artefact folder back."""
        ...


class TemperedModel:
    """A model whose probabilities are scaled, see `vigie.temperatures`."""

    unseen: Probabilities | None = None

    def __init__(self, fitted: Fitted, temperatures: Temperatures) -> None:
        self._fitted = fitted
        self._temperatures = temperatures
        slopes = {"negative": temperatures.negative, "positive": temperatures.positive}
        said = {f"slope_{side}_{kind}": slope for side, both in slopes.items() for kind, slope in both}
        self.parameters = fitted.parameters | said | {"kind_words": len(temperatures.words)}

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `Fitted`."""
        return self._temperatures.scaled(texts, self._fitted.predict(texts))

    def save(self, directory: Path) -> None:
        """See `Fitted`."""
        self._fitted.save(directory)
        self._temperatures.save(directory)


class TemperedRecipe:
    """A family's recipe and, after it, temperatures: where the rows tell of two kinds of tweets."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.LIBRARIES = recipe.LIBRARIES
        self.GOLDEN_TOLERANCE = recipe.GOLDEN_TOLERANCE

    def fit(self, split: Split, options: Options, report: Report) -> Fitted:
        """See `Recipe`."""
        fitted = self._recipe.fit(split, options, report)
        report("fitting temperatures")
        negative = fitted.predict(split.calibration.texts) if fitted.unseen is None else fitted.unseen
        temperatures = fit_temperatures(negative, split, options.seed)
        return fitted if temperatures is None else TemperedModel(fitted, temperatures)

    def load(self, directory: Path) -> Fitted:
        """See `Recipe`."""
        fitted, temperatures = self._recipe.load(directory), Temperatures.load(directory)
        return fitted if temperatures is None else TemperedModel(fitted, temperatures)


def find_recipe(family: str) -> Recipe:
    """The recipe of a family in the catalogue; raises `KeyError` with the known names."""
    recipe: Recipe = import_module(f"{__name__}.{find_family(family).name}")
    return TemperedRecipe(recipe)


def families(choice: str) -> list[str]:
    """`all` or one name, as names; raises `KeyError` with the known names."""
    return [family.name for family in FAMILIES] if choice == "all" else [find_family(choice).name]
