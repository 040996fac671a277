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
        kept: "NewFolder | None" = None,
        unseen: Probabilities | None = None,
    ) -> None:
        """The folder has to stay as long as the model: `kept`, where it is a new one."""
        self._folder = folder
        self._names = names
        self.predict = predict
        self.parameters = parameters
        self.unseen = unseen
        self._kept = kept

    def save(self, directory: Path) -> None:
        """Copies the files and folders."""
        for name in self._names:
            copy = shutil.copytree if (self._folder / name).is_dir() else shutil.copyfile
            copy(self._folder / name, directory / name)


class NewFolder:
    """An empty folder that is removed when nobody holds this any longer, at the latest when the process ends.

    A `TemporaryDirectory` would warn that nobody closed it.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="vigie-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
