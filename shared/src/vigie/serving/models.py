"""A loaded version, and the self-test that it must pass before it serves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from pydantic import ValidationError

from vigie.artifacts import MANIFEST, ArtifactError, Manifest, digest, golden_rows
from vigie.cards import HELD_OUT, HeldOut
from vigie.predictor import LoadablePredictor, Predictor, Probabilities
from vigie.registry import Version
from vigie.temperatures import load_tempered

SLOWEST_SECONDS = 1.0
TRIES = 3


class TooSlow(ArtifactError):
    """One text took too long: the version's fault, or that of a machine that has much to do."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version that passed its self-test, with what its artefact says of it."""

    predictor: Predictor
    version: Version
    digest: str
    manifest: Manifest
    held_out: HeldOut | None
    loaded_at: datetime


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Raises `RuntimeError` for a panic of a library in Rust, which is no `Exception` and would end its thread."""
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


@panics_as_errors()
def open_model(
    kind: type[LoadablePredictor],
    directory: Path,
    version: Version,
    *,
    now: datetime,
    slowest_seconds: float = SLOWEST_SECONDS,
    clock: Callable[[], float] = perf_counter,
) -> ServedModel:
    """Loads a verified artefact and lets it predict its golden rows, which also warms it up.

    Raises `ArtifactError` when a row is off by more than the manifest's tolerance, `TooSlow` when one text takes longer
    than `slowest_seconds` at the best of some tries, and whatever the predictor raised.
    """
    manifest = Manifest.model_validate_json((directory / MANIFEST).read_bytes())
    predictor = load_tempered(kind, directory)
    rows = golden_rows(directory)
    took = min(_seconds(predictor, rows[0].text, clock) for _ in range(TRIES))
    if took > slowest_seconds:  # before the rows: of a slow model they would take minutes, and another may be named
        raise TooSlow(f"too slow: expected one text in {slowest_seconds:g} s, took {took:.3f} s")
    for row, got in zip(rows, probabilities(predictor, [row.text for row in rows]), strict=True):
        if not abs(got - row.probability_negative) <= manifest.golden_tolerance:
            expected = f"{row.probability_negative:.6f} ± {manifest.golden_tolerance}"
            raise ArtifactError(f"golden row {row.text!r}: expected {expected}, got {got:.6f}")
    return ServedModel(predictor, version, digest(directory), manifest, _held_out(directory), now)


def may_pass(error: BaseException) -> bool:
    """Whether a version that could not be opened may be opened later: the machine lacked something, or time.

    A file that a loader says is missing is missing from the artefact; an `OSError` without a number is a library's own.
    """
    cause = error.__cause__
    if isinstance(error, ArtifactError) and isinstance(cause, FileNotFoundError):
        return False
    if isinstance(error, MemoryError | TooSlow) or (isinstance(error, OSError) and error.errno is not None):
        return True
    return cause is not None and may_pass(cause)


def _seconds(predictor: Predictor, text: str, clock: Callable[[], float]) -> float:
    started = clock()
    probabilities(predictor, [text])
    return clock() - started


def _held_out(directory: Path) -> HeldOut | None:
    try:
        return HeldOut.model_validate_json((directory / HELD_OUT).read_bytes())
    except (OSError, ValidationError):  # for people to look at: no reason not to serve
        return None


@panics_as_errors()
def probabilities(predictor: Predictor, texts: Sequence[str]) -> Probabilities:
    """What the predictor says of n texts, once it is sure that these are n probabilities; else raises `ValueError`."""
    values = np.asarray(predictor.predict(texts), dtype=np.float32)
    if values.shape != (len(texts),):
        raise ValueError(f"expected probabilities of shape ({len(texts)},), got {values.shape}")
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise ValueError(f"expected probabilities from 0 to 1, got {values.min()} to {values.max()}")
    return values
