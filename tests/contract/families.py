"""How to write a small artefact of each family, and one that tries to run code: a new family adds a line to each."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import skops.io

from tests.support.logreg import write_logreg
from vigie.artifacts import GoldenRow


def write_hostile_logreg(folder: Path) -> list[GoldenRow]:
    """A model file that names a function of the operating system."""
    golden = write_logreg(folder)
    skops.io.dump({"columns": os.getcwd}, folder / "pipeline.skops", compression=zipfile.ZIP_DEFLATED)
    return golden


WRITERS: dict[str, Callable[..., list[GoldenRow]]] = {"logreg": write_logreg}
HOSTILE_WRITERS: dict[str, Callable[[Path], list[GoldenRow]]] = {"logreg": write_hostile_logreg}
