"""A model of one number, its artefacts, and a registry in memory: what the serving library needs to be tested."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np

from vigie.artifacts import ArtifactError, GoldenRow, seal
from vigie.catalogue import CHAMPION
from vigie.predictor import Probabilities
from vigie.registry import NoSuchAlias, RegistryUnavailable, Version

MADE_AT = datetime(2026, 1, 2, tzinfo=UTC)
WEIGHTS = "weights.json"
TEXTS = ("late again", "lovely crew, thanks", "where is my bag???", "ok")


class TinyPredictor:
    """The probability of `negative` is the text's length times `factor`, in hundredths. Cannot bear `poison`."""

    def __init__(self, factor: int) -> None:
        self._factor = factor

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the factor."""
        return cls(json.loads((directory / WEIGHTS).read_text("utf-8"))["factor"])

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `vigie.predictor.Predictor`."""
        if "poison" in texts:
            raise ValueError("poison")
        return np.array([tiny_probability(self._factor, text) for text in texts], dtype=np.float32)


def tiny_probability(factor: int, text: str) -> float:
    """What a `TinyPredictor` says."""
    return (len(text) * factor % 101) / 100


def make_tiny(folder: Path, *, factor: int = 7, off_by: float = 0.0) -> Path:
    """A sealed artefact of the family `logreg` whose golden rows are wrong by `off_by`."""
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_text(json.dumps({"factor": factor}), encoding="utf-8")
    golden = [GoldenRow(text=text, probability_negative=tiny_probability(factor, text) + off_by) for text in TEXTS]
    seal(folder, family="logreg", created_at=MADE_AT, golden=golden, libraries={}, metrics={"accuracy": 0.8})
    return folder


class FakeRegistry:
    """`vigie.registry.Registry` over folders.

    `up` is whether it answers, `files_up` whether it hands out files, `trouble` what it raises; `downloads` counts;
    `ledger` is the tags of the registered model.
    """

    def __init__(self) -> None:
        self.up = True
        self.files_up = True
        self.trouble: Exception | None = None
        self.downloads = 0
        self.ledger: dict[str, str] = {}
        self._folders: dict[Version, Path] = {}
        self._named: dict[str, Version | None] = {}

    def publish(self, folder: Path, model: str = "vigie-logreg", alias: str = CHAMPION) -> Version:
        """The next version, which the alias names from now on."""
        number = str(len(self._folders) + 1)
        version = Version(model=model, number=number, source=f"models:/m-{number}")
        self._folders[version] = folder
        self._named[alias] = version
        return version

    def name(self, version: Version | None, alias: str = CHAMPION) -> None:
        """Moves the alias, or takes it away."""
        self._named[alias] = version

    def resolve(self, model: str, alias: str) -> Version:
        """See `Registry`."""
        if self.trouble:
            raise self.trouble
        if not self.up:
            raise RegistryUnavailable("switched off")
        named = self._named.get(alias)
        if named is None or named.model != model:
            raise NoSuchAlias(f"{model}@{alias}")
        return named

    def tags(self, model: str) -> dict[str, str]:
        """See `Registry`."""
        if not self.up:
            raise RegistryUnavailable("switched off")
        return self.ledger

    def download(self, version: Version, destination: Path) -> None:
        """See `Registry`."""
        if not self.up or not self.files_up:
            raise RegistryUnavailable("switched off")
        self.downloads += 1
        folder = self._folders[version]
        if not folder.is_dir():
            raise ArtifactError(f"no artefact at {folder.name}")
        shutil.copytree(folder, destination, dirs_exist_ok=True)
