"""In which precision a network is tuned: the one in which this processor multiplies matrices fastest."""

from functools import cache
from time import perf_counter

import torch

BFLOAT16, FLOAT32 = "bfloat16", "float32"
_ROWS, _NARROW, _WIDE = 1024, 384, 1536
_TIMES = 5
_CLEARLY = 1.3


class Precision:
    """Bfloat16 (autocast) or single precision; kept with a checkpoint.

    A tuning goes on in the one it began in, though by then another processor, or a busier one, is faster in the other.
    """

    def __init__(self, *, half: bool) -> None:
        self.half = half

    @property
    def name(self) -> str:
        """As torch calls it."""
        return BFLOAT16 if self.half else FLOAT32

    def state_dict(self) -> dict[str, bool]:
        """See `checkpoint.Stateful`."""
        return {"half": self.half}

    def load_state_dict(self, state: dict[str, bool]) -> None:
        """See `checkpoint.Stateful`."""
        self.half = state["half"]


@cache
def bfloat16_pays() -> bool:
    """Whether a layer learns clearly faster in bfloat16: tried out, in 0.2 to 0.6 s.

    What a processor says of itself does not tell. Of two with instructions for bfloat16 but without matrix units, one
    took twice as long with it as in single precision, the other a half. Draws no random numbers.
    """
    weights = torch.ones(_WIDE, _NARROW, requires_grad=True)
    rows = torch.ones(_ROWS, _NARROW, requires_grad=True)
    single, half = (min(_seconds(rows, weights, half) for _ in range(_TIMES)) for half in (False, True))
    return half * _CLEARLY < single


def _seconds(rows: torch.Tensor, weights: torch.Tensor, half: bool) -> float:
    started = perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        result = torch.nn.functional.linear(rows, weights)
    result.backward(torch.ones_like(result))  # type: ignore[no-untyped-call]
    return perf_counter() - started
