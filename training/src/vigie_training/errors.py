"""What can go wrong in a training; the command line shows the message and ends with status 1."""

from pathlib import Path


class TrainingError(Exception):
    """A training or a change of the registry that cannot go on; nothing was registered or moved."""


class WrongFile(TrainingError):
    """A data file that is not as expected; names the file, and the row and column where there is one."""

    def __init__(self, path: Path | str, problem: str, *, row: int | None = None, column: str | None = None) -> None:
        place = [str(path)]
        if row is not None:
            place.append(f"data row {row}")
        if column is not None:
            place.append(f"column {column!r}")
        super().__init__(f"{', '.join(place)}: {problem}")


class RegistryUnreachable(TrainingError):
    """The tracking server does not answer."""


class NotFetched(TrainingError):
    """An artefact that could not be fetched, though nothing says that it is not there: a full disk, or a registry that
    fails meanwhile.
    """


class Refused(TrainingError):
    """The gate, or the state of the registry, does not allow the change."""


class Superseded(Refused):
    """The champion that a verdict compared with serves no longer."""
