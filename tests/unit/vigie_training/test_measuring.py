"""What a model costs."""

import signal
from pathlib import Path
from typing import Any

import pytest

from vigie_training.errors import TrainingError
from vigie_training.measuring import resources


class Deadly(str):
    """A text that kills whatever process it is sent to."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return signal.raise_signal, (signal.SIGKILL,)


def test_a_process_that_is_killed_while_it_measures_is_not_waited_for() -> None:
    with pytest.raises(TrainingError, match="logreg: the process that measures memory and processor time was killed"):
        resources("logreg", Path("nowhere"), [Deadly("late again")])
