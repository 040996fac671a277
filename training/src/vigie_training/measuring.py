"""What a training and a model cost."""

import resource
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from vigie_training.evaluate import Predict

_SINGLES, _BATCH = 200, 64


def peak_memory_mib() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folder_mib(directory: Path) -> float:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 2**20


def latency(predict: Predict, texts: Sequence[str]) -> dict[str, float]:
    """`latency_ms`: median for one tweet alone; `tweets_per_second`: in batches of 64, on one thread."""
    singles = list(texts[:_SINGLES])
    predict(singles)
    many = (singles * _BATCH)[: _BATCH * 16]
    alone = [_seconds(predict, [text]) for text in singles]
    batches = [_seconds(predict, many[start : start + _BATCH]) for start in range(0, len(many), _BATCH)]
    return {"latency_ms": median(alone) * 1000, "tweets_per_second": _BATCH / median(batches)}


def _seconds(predict: Predict, texts: Sequence[str]) -> float:
    started = perf_counter()
    predict(texts)
    return perf_counter() - started
