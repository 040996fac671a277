"""A model whose artefact is files that lie ready in a folder."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from vigie.predictor import Probabilities
from vigie_training.recipes import Parameters


class ServedFiles:
    """See `recipes.Fitted`."""

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        predict: Callable[[Sequence[str]], Probabilities],
        parameters: Parameters,
        *,
        owned: bool,
        unseen: Probabilities | None = None,
    ) -> None:
        """An `owned` folder is removed when nobody needs the model any longer; another one has to stay as long."""
        self._folder = folder
        self._names = names
        self.predict = predict
        self.parameters = parameters
        self.unseen = unseen
        if owned:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def save(self, directory: Path) -> None:
        """Copies the files and folders."""
        for name in self._names:
            copy = shutil.copytree if (self._folder / name).is_dir() else shutil.copyfile
            copy(self._folder / name, directory / name)


def new_folder() -> Path:
    """An empty folder for files to be owned."""
    return Path(tempfile.mkdtemp(prefix="vigie-"))
