"""The state of an unfinished tuning on disk, so that it can go on where it was interrupted."""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, Protocol

import torch

from vigie_training.errors import TrainingError

SHARE_OF_TIME = 0.05


class Stateful(Protocol):
    """What torch keeps the state of: a network, an optimiser, a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that has to be kept."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> object:
        """Takes it back."""
        ...


class Checkpoint:
    """One file, replaced as a whole; it holds tensors and numbers, nothing that could execute code."""

    def __init__(self, path: Path, *parts: Stateful) -> None:
        self._path = path
        self._parts = parts
        self._due = -inf

    def keep(self, step: int, clock: Callable[[], float]) -> None:
        """Keeps the parts and the random numbers as they are before `step`, unless the last time is just past.

        No more than `SHARE_OF_TIME` is spent on it: a large state takes seconds. `clock` tells seconds.
        """
        started = clock()
        if started >= self._due:
            self._save(step)
            ended = clock()
            self._due = ended + (ended - started) / SHARE_OF_TIME

    def restore(self) -> int:
        """Puts everything back and returns the step to go on with; 0 without a file.

        Raises `TrainingError` when the file is damaged.
        """
        if not self._path.exists():
            return 0
        try:
            kept = torch.load(self._path, weights_only=True)
            for part, state in zip(self._parts, kept["parts"], strict=True):
                part.load_state_dict(state)
            torch.set_rng_state(kept["random"])
            return int(kept["step"])
        except Exception as error:  # what a damaged file raises is not documented
            raise TrainingError(f"{self._path}: not a checkpoint, train without --resume: {error}") from error

    def _save(self, step: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        making = self._path.with_suffix(".making")
        states = [part.state_dict() for part in self._parts]
        with making.open("wb") as file:  # to a name, torch would not say that the disk is full
            torch.save({"step": step, "random": torch.get_rng_state(), "parts": states}, file)
        making.replace(self._path)
