"""Foreseeable problems as one sentence: what the command line says instead of a traceback."""

import errno
from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from vigie.artifacts import ArtifactError
from vigie_training.errors import TrainingError

_DISK_FULL = ("no space left on device", "disk is full", "disk quota exceeded")
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def in_plain_words(error: BaseException) -> str | None:
    """A foreseeable problem as one sentence; null for one that nobody foresaw, whose traceback is worth more."""
    chain = list(_chain(error))
    full = next((one for one in reversed(chain) if any(words in str(one).lower() for words in _DISK_FULL)), None)
    if full:
        place = getattr(full, "filename2", None) or getattr(full, "filename", None)
        where = f" that {place} is on" if place else ""
        return f"the disk{where} is full: make room (VIGIE_HOME, TMPDIR), then start again: {_first_line(full)}"
    if known := _known(error):
        return known
    registry = next((one for one in chain if isinstance(one, MlflowException | SQLAlchemyError)), None)
    if registry:
        return f"MLFLOW_TRACKING_URI: the registry did not do what was asked: {_first_line(registry)}"
    if isinstance(error, OSError) and error.errno in _DENIED:
        place = error.filename or "what should be written"
        return f"{place}: expected a file or folder that may be read and written here: {error.strerror}"
    return None


def _known(error: BaseException) -> str:
    if isinstance(error, TrainingError | ArtifactError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"{error}: `make train MODEL=<family>` installs what a family's recipe needs"
    if isinstance(error, MemoryError):
        return f"there is not enough memory for this: {error}".removesuffix(": ")
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:500]
