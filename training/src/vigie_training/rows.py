"""Labelled tweets in memory, and what identifies them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from vigie.text import normalise

Mask = npt.NDArray[np.bool_]

TEXT, LABEL, SOURCE, DAY, SAMPLING = "text", "label", "source", "day", "sampling"
POOLED = "all"
"""Stands for every data set together where one is named."""


@dataclass(frozen=True, slots=True)
class Rows:
    """n tweets. The frame has the columns `text`, `label` (0 negative, 1 positive), `source` (the data set's name),
    `day` (`YYYY-MM-DD` or empty) and `sampling` (how the data set drew the row, or empty).
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def texts(self) -> list[str]:
        """The tweets as they came."""
        return self.frame[TEXT].tolist()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """0 negative, 1 positive; shape `[n]`."""
        return self.frame[LABEL].to_numpy(np.int64)

    @property
    def sources(self) -> list[str]:
        """Names of the data sets, sorted."""
        return sorted(self.frame[SOURCE].unique())

    def where(self, mask: Mask) -> "Rows":
        """The rows for which the mask `[n]` holds."""
        return Rows(self.frame[mask].reset_index(drop=True))

    def of(self, source: str) -> "Rows":
        """The rows of one data set."""
        return self.where((self.frame[SOURCE] == source).to_numpy())

    def once(self) -> Mask:
        """Which rows count where data sets are pooled, `[n]`: of a tweet that several of them have the first one, of a
        tweet with both labels none.
        """
        if len(self.sources) < 2:
            return np.ones(len(self), bool)
        keys = self.frame[TEXT].map(same_text_key)
        divided = self.frame[LABEL].groupby(keys).transform("nunique") > 1
        return np.asarray(~(keys.duplicated() | divided), bool)

    def content_hash(self) -> str:
        """SHA-256 over the rows as a multiset: the same whatever the order of rows and files."""
        lines = (f"{label}\0{text}" for text, label in zip(self.texts, self.labels.tolist(), strict=True))
        digests = sorted(hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest() for line in lines)
        return hashlib.sha256(b"".join(digests)).hexdigest()


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of the parts, in their order."""
    return Rows(pd.concat([part.frame for part in parts], ignore_index=True))


def same_text_key(text: str) -> str:
    """Two rows with one key are the same tweet: what the models do not see, and case, do not tell tweets apart."""
    return normalise(text).lower()
