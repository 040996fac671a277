"""Files that a model in memory needs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vigie.predictor import Probabilities
from vigie_training.served_files import NewFolder, ServedFiles


def no_answer(texts: Sequence[str]) -> Probabilities:
    return np.zeros(len(texts), np.float32)


def test_a_new_folder_stays_as_long_as_the_model(tmp_path: Path) -> None:
    kept = NewFolder()
    folder = kept.path
    (folder / "trees.txt").write_text("oak")
    model = ServedFiles(folder, ["trees.txt"], no_answer, {}, kept=kept)
    del kept
    model.save(tmp_path)
    assert (tmp_path / "trees.txt").read_text() == "oak"
    del model
    assert not folder.exists()


def test_a_folder_of_somebody_elses_stays(tmp_path: Path) -> None:
    model = ServedFiles(tmp_path, [], no_answer, {})
    del model
    assert tmp_path.exists()
