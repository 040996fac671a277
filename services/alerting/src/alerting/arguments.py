"""Numbers on the command line, within bounds: what lies outside is refused in a sentence."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number from `least` to `most`; raises `ArgumentTypeError`."""

    def read(told: str) -> int:
        try:
            found = int(told)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise ArgumentTypeError(f"expected a whole number from {least} to {most}, got {told[:40]!r}")
        return found

    return read


def above_zero(most: float) -> Callable[[str], float]:
    """Reads a number that is more than 0 and at most `most`; raises `ArgumentTypeError`."""

    def read(told: str) -> float:
        try:
            found = float(told)
        except ValueError:
            found = 0.0
        if not 0 < found <= most:  # also false of nan
            raise ArgumentTypeError(f"expected a number above 0, at most {most:g}, got {told[:40]!r}")
        return found

    return read
