"""What a training takes by the number of its rows: the command as a user types it, with a registry in a file."""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import psutil

from tests.support.many_tweets import write_many_tweets

ROWS = (50_000, 200_000, 800_000, 1_600_000)


def measure(folder: Path) -> dict[str, float]:
    """Seconds and the peak of resident memory (MB) of `vigie-train run --model logreg`, from reading to the verdict."""
    found: dict[str, float] = {}
    for rows in ROWS:
        data = folder / f"tweets-{rows}.parquet"
        write_many_tweets(data, rows)
        found[f"seconds_{rows}"], found[f"peak_mb_{rows}"] = train(data, folder / f"home-{rows}")
        data.unlink()
    return found


def train(data: Path, home: Path) -> tuple[float, float]:
    """Seconds, and MB at the most."""
    command = [
        str(Path(sys.executable).with_name("vigie-train")),
        "run",
        "--model",
        "logreg",
        "--data",
        str(data),
        "--json",
    ]
    environment = {"VIGIE_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{home}/registry.db"}
    home.mkdir()
    started, peak = perf_counter(), 0.0
    with subprocess.Popen(command, cwd=home, env=os.environ | environment, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _resident(watched))
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: expected exit code 0, got {process.returncode}")
    return perf_counter() - started, peak / 2**20


def _resident(process: psutil.Process) -> float:
    try:
        return float(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0.0
