"""What a training and a model cost."""

import re
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil

from vigie_training.errors import TrainingError
from vigie_training.evaluate import Predict

_SINGLES = 200
_BATCHES = (8, 32, 128, 512)
_TIMED = 512


def forget_peak_memory() -> None:
    """From now on `peak_memory_mib` counts anew, where the kernel can: families are trained in one process."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory_mib() -> float:
    """The most memory that this process held since `forget_peak_memory`, else ever."""
    try:
        known = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        known = None
    return (int(known[1]) if known else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


def folder_mib(directory: Path) -> float:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 2**20


def latency(predict: Predict, texts: Sequence[str]) -> dict[str, float]:
    """`latency_ms`: median for one tweet alone; `tweets_per_second` at the best of several batch sizes."""
    singles = list(texts[:_SINGLES])
    predict(singles)
    alone = [_seconds(predict, [text]) for text in singles]
    many = (singles * (_TIMED // len(singles) + 1))[:_TIMED]
    rates = [_rate(predict, many, size) for size in _BATCHES]
    return {"latency_ms": median(alone) * 1000, "tweets_per_second": max(rates)}


def resources(family: str, directory: Path, texts: Sequence[str]) -> dict[str, float]:
    """`memory_mib`: what a fresh process holds more once the artefact is loaded and has answered;
    `cpu_ms`: processor time for one tweet in batches of 128. Raises `TrainingError` when that process is killed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_measured_alone, family, directory, list(texts[:_SINGLES])).result()
        except BrokenProcessPool as error:
            raise TrainingError(
                f"{family}: the process that measures memory and processor time was killed, as when memory runs out"
            ) from error


def _measured_alone(family: str, directory: Path, texts: list[str]) -> dict[str, float]:
    from vigie_training.recipes import find_recipe  # noqa: PLC0415 (its libraries are part of what is measured)

    process = psutil.Process()
    before = process.memory_info().rss
    fitted = find_recipe(family).load(directory)
    fitted.predict(texts)
    started = process_time()
    for start in range(0, len(texts), 128):
        fitted.predict(texts[start : start + 128])
    cpu = (process_time() - started) / len(texts)
    return {"memory_mib": (process.memory_info().rss - before) / 2**20, "cpu_ms": cpu * 1000}


def _rate(predict: Predict, texts: Sequence[str], size: int) -> float:
    batches = [_seconds(predict, texts[start : start + size]) / size for start in range(0, len(texts) - size + 1, size)]
    return 1 / median(batches)


def _seconds(predict: Predict, texts: Sequence[str]) -> float:
    started = perf_counter()
    predict(texts)
    return perf_counter() - started
