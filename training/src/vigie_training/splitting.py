"""Splits before anything is fitted: which rows are fitted on, which calibrate, which are only ever evaluated."""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from vigie_training.errors import TrainingError
from vigie_training.known import KNOWN, known_set
from vigie_training.rows import DAY, LABEL, SAMPLING, SOURCE, TEXT, Mask, Rows, same_text_key

DEFAULT_SEED = 20260101
HELD_OUT_SHARE = 0.10
CALIBRATION_SHARE = 0.15
UNKNOWN_HELD_OUT_SHARE = 0.20
FEWEST_PER_LABEL = 10


class Split(NamedTuple):
    """No tweet (see `same_text_key`) is in `test` and in another part as well."""

    fit: Rows
    calibration: Rows
    test: Rows


def split(rows: Rows, seed: int = DEFAULT_SEED) -> Split:
    """By content and seed alone: the order of rows and files, and what else is read, change no row's part.

    Raises `TrainingError` when a part is left with fewer than ten rows of a label.
    """
    frame = rows.frame.assign(key=rows.frame[TEXT].map(same_text_key)).sort_values(["key", LABEL, SOURCE, TEXT])
    rows, keys = Rows(frame.drop(columns="key").reset_index(drop=True)), frame.pop("key").reset_index(drop=True)
    frame = rows.frame
    draws = keys.map(lambda key: _draw(key, seed)).to_numpy(float)
    test, calibration = _masks(frame, draws)
    leaked = ~test & keys.isin(set(keys[test])).to_numpy()
    repeated = ~test & keys.duplicated().to_numpy()
    usable = ~test & ~leaked & ~repeated
    parts = Split(rows.where(usable & ~calibration), rows.where(usable & calibration), rows.where(test))
    for name, part in zip(Split._fields, parts, strict=True):
        for label, count in zip((0, 1), np.bincount(part.labels, minlength=2).tolist(), strict=True):
            if count < FEWEST_PER_LABEL:
                raise TrainingError(
                    f"the {name} part of the split: expected at least {FEWEST_PER_LABEL} rows with label {label}, "
                    f"got {count} (of {len(rows)} rows read)"
                )
    return parts


def _masks(frame: pd.DataFrame, draws: npt.NDArray[np.float64]) -> tuple[Mask, Mask]:
    """(held out, calibration)."""
    test, calibration = np.zeros(len(frame), bool), np.zeros(len(frame), bool)
    for source in frame[SOURCE].unique():
        mine = (frame[SOURCE] == source).to_numpy()
        known = known_set(source)
        fair = (
            mine & (frame[SAMPLING] == known.fair_sampling).to_numpy()
            if known.fair_sampling and (frame[SAMPLING] != "").any()
            else mine
        )
        share = HELD_OUT_SHARE if source in KNOWN else UNKNOWN_HELD_OUT_SHARE
        if known.held_out in ("all", "none"):
            test |= mine & (known.held_out == "all")
            continue
        if known.held_out == "last-day":
            share = 0.0
            test |= mine & (frame[DAY] == frame[DAY][mine].max()).to_numpy()
        test |= fair & (draws < share)
        calibration |= fair & ~test & (draws < share + CALIBRATION_SHARE)
    return test, calibration


def _draw(key: str, seed: int) -> float:
    """A number in [0, 1) that depends on the text and the seed only."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
