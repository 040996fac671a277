"""As many labelled tweets as one likes: the sample tweets over and over, each time with other words in them."""

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from vigie_training.data import SAMPLE_TWEETS, read_file

_TOGETHER = 50_000
_CHANGED = 0.25


def write_many_tweets(path: Path, rows: int, *, seed: int = 0) -> None:
    """A Parquet file with the columns `text` and `label`; a quarter of the words of each text is another's."""
    sample = read_file(SAMPLE_TWEETS)
    words = [text.split() for text in sample.texts]
    pool = np.array(sorted({word for text in words for word in text}), dtype=object)
    random = np.random.default_rng(seed)
    schema = pyarrow.schema({"text": pyarrow.string(), "label": pyarrow.int8()})
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as file:
        for start in range(0, rows, _TOGETHER):
            chosen = random.integers(len(words), size=min(_TOGETHER, rows - start))
            texts = [_changed(words[number], pool, random) for number in chosen]
            file.write_table(pyarrow.table({"text": texts, "label": sample.labels[chosen].astype(np.int8)}, schema))


def _changed(words: list[str], pool: np.ndarray, random: np.random.Generator) -> str:
    there = random.random(len(words)) >= _CHANGED
    others = pool[random.integers(len(pool), size=len(words))]
    return " ".join(own if kept else other for own, other, kept in zip(words, others, there, strict=True))
