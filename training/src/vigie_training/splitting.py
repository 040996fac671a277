"""Splits before anything is fitted: which rows are fitted on, which calibrate, which are only ever evaluated."""

import hashlib
import html
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from vigie_training.errors import TrainingError
from vigie_training.feedback import FEEDBACK
from vigie_training.known import KNOWN, known_set
from vigie_training.rows import DAY, LABEL, SAMPLING, SOURCE, TEXT, Mask, Rows, same_text_key

DEFAULT_SEED = 20260101
HELD_OUT_SHARE = 0.10
CALIBRATION_SHARE = 0.15
UNKNOWN_HELD_OUT_SHARE = 0.20
FEWEST_PER_LABEL = 10
_TURN = 0.6180339887  # of the circle that calibration rows are a part of, for each seed: no two seeds come close


class Split(NamedTuple):
    """No tweet (see `same_text_key`) is in `test` and in another part as well."""

    fit: Rows
    calibration: Rows
    test: Rows


def split(rows: Rows, seed: int = DEFAULT_SEED) -> Split:
    """By content and seed alone: the order of rows and files, and what else is read, change no row's part.

    Which rows are held out depends on no seed: what any version was fitted on is never evaluated on. The seed chooses
    the calibration rows among the others. What people voted on a tweet outweighs its label elsewhere; of a tweet with
    both labels nothing is learnt. Held out, a tweet is in each data set once, and not in one that gives it both labels.

    Raises `TrainingError` when a part is left with fewer than ten rows of a label; held out, only such rows count as do
    where data sets are pooled (see `Rows.once`).
    """
    parts = _parts(rows, seed)
    for name, part in zip(Split._fields, parts, strict=True):
        _check(name, part, rows)
    return parts


def held_out(rows: Rows) -> Rows:
    """What `split` holds out, also of data sets that nothing is fitted on.

    Raises `TrainingError` when that is fewer than ten rows of a label, counted as in `split`.
    """
    test = _parts(rows, DEFAULT_SEED).test
    _check("test", test, rows)
    return test


def _parts(rows: Rows, seed: int) -> Split:
    fair = rows.frame[SOURCE].map({source: known_set(source).fair_sampling for source in rows.sources})
    frame = rows.frame.assign(
        key=rows.frame[TEXT].map(same_text_key),
        unvoted=rows.frame[SOURCE] != FEEDBACK,
        unfair=rows.frame[SAMPLING] != fair,
    )
    order = ["key", "unvoted", LABEL, SOURCE, "unfair", SAMPLING, DAY, TEXT]  # every column: of equals the first counts
    frame = frame.sort_values(order).drop(columns="unfair").reset_index(drop=True)
    keys, unvoted = frame.pop("key"), frame.pop("unvoted")
    rows = Rows(frame)
    test, calibration = _masks(frame, frame[TEXT].map(_draw).to_numpy(float), seed)
    leaked = keys.isin(set(keys[test])).to_numpy()
    repeated = keys.duplicated().to_numpy()
    usable = ~test & ~leaked & ~repeated & ~_divided(keys, unvoted, frame[LABEL])
    tested = _once_in_each(frame.assign(key=keys), test)
    return Split(rows.where(usable & ~calibration), rows.where(usable & calibration), rows.where(tested))


def _check(name: str, part: Rows, rows: Rows) -> None:
    labels = part.labels[part.once()] if name == "test" else part.labels  # what the gate pools
    for label, count in enumerate(np.bincount(labels, minlength=2).tolist()):
        if count < FEWEST_PER_LABEL:
            raise TrainingError(
                f"the {name} part of the split: expected at least {FEWEST_PER_LABEL} rows with label {label}, "
                f"got {count} (of {len(rows)} rows read)"
            )


def _divided(keys: "pd.Series[str]", unvoted: "pd.Series[bool]", labels: "pd.Series[int]") -> Mask:
    """Which rows are of a tweet that has both labels, by votes where there are any."""
    counts = labels.where(unvoted == unvoted.groupby(keys).transform("min")).groupby(keys).transform("nunique")
    return np.asarray(counts.to_numpy() > 1)


def _once_in_each(frame: pd.DataFrame, test: Mask) -> Mask:
    """Of the rows in `test` the first of each tweet in each data set, unless that gives it both labels: metrics and
    tests take rows to be independent of each other.
    """
    tweets = frame[test].groupby(["key", SOURCE])
    counts = (tweets.cumcount() == 0) & (tweets[LABEL].transform("nunique") == 1)
    return np.asarray(counts.reindex(frame.index, fill_value=False), bool)


def _masks(frame: pd.DataFrame, draws: npt.NDArray[np.float64], seed: int) -> tuple[Mask, Mask]:
    """(held out, calibration)."""
    turn = (seed - DEFAULT_SEED) * _TURN
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
        calibration |= fair & ~test & (((draws - share) / (1 - share) + turn) % 1 < CALIBRATION_SHARE / (1 - share))
    return test, calibration


def _draw(text: str) -> float:
    """A number in [0, 1) that depends on the text only, with entities, case and white space made alike.

    Not on `same_text_key`: what was held out when versions that still serve were fitted has to stay so.
    """
    seen = " ".join(html.unescape(text).lower().split())
    digest = hashlib.blake2b(f"{DEFAULT_SEED}\0{seen}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
