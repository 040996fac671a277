"""`make bench`: speed and memory of the whole system on this machine, as a table and as bench.json.

Everything runs on the loopback against a system of its own, in the state a user gets: keys on, predictions logged,
feedback possible. The figures of one run belong together; compare ratios, never single figures of different days.
"""

import json
import statistics
import tempfile
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import httpx
import psutil

from predictor_logreg.predictor import LogregPredictor
from tests.bench import alerting, page, training
from tests.bench.load import Sample, wrk
from tests.support.system import LocalSystem, tree_rss
from vigie_training.data import sample_texts
from vigie_training.starter import STARTERS

KEY = "bench-key"
SECONDS = 8
ROUNDS = 3


def main() -> None:
    """Measures, prints and writes."""
    texts = sample_texts()
    results: dict[str, object] = {"machine": {"cpus": psutil.cpu_count(), "load": psutil.getloadavg()[0]}}
    results["in_process"] = in_process(texts)
    with tempfile.TemporaryDirectory() as folder:
        keys = f"bench:{sha256(KEY.encode()).hexdigest()}:predict+feedback+admin"
        system = LocalSystem(Path(folder) / "var", GATEWAY_API_KEYS=keys, GATEWAY_API_KEY=KEY)
        system.start()
        try:
            results |= over_http(system, texts, Path(folder))
            results["page"] = page.measure(system, texts, Path(folder))
        finally:
            system.stop()
        results["alerting"] = alerting.measure(Path(folder))
        results["training"] = training.measure(Path(folder))
    show(results)
    Path("bench.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def in_process(texts: list[str]) -> dict[str, float]:
    """Tweets per second of the starter without any server, by batch size: the limit of what serving can reach."""
    predictor = LogregPredictor.load(STARTERS / "logreg")
    rates = {}
    for size in (1, 64, 512):
        batches = [texts[start : start + size] for start in range(0, len(texts) - size + 1, size)]
        done, started = 0, perf_counter()
        while perf_counter() - started < 2:
            for batch in batches[:100]:
                predictor.predict(batch)
                done += len(batch)
        rates[f"batch_{size}"] = done / (perf_counter() - started)
    return rates


def over_http(system: LocalSystem, texts: list[str], folder: Path) -> dict[str, object]:
    """Single tweets at 1 and 64 connections, the same ones again and again, batches of a thousand; then the memory."""
    samples: dict[int, list[Sample]] = {1: [], 64: []}
    for _ in range(ROUNDS):
        for connections, taken in samples.items():
            taken.append(wrk(f"{system.url}/predict", texts, folder, key=KEY, connections=connections, seconds=SECONDS))
    found: dict[str, object] = {f"single_c{count}": middle(taken) for count, taken in samples.items()}
    again = [
        wrk(f"{system.url}/predict", texts, folder, key=KEY, connections=64, seconds=SECONDS, distinct=False)
        for _ in range(ROUNDS)
    ]
    found["retweets_c64"] = middle(again)
    found["batch_1000_tweets_per_s"] = batch_rate(system.url, texts)
    found["rss_mb"] = {name: round(tree_rss(process), 1) for name, process in system.processes().items()}
    return found


def middle(taken: list[Sample]) -> dict[str, float]:
    """The median of each figure over the rounds; refused answers are added up."""
    return {
        "requests_per_s": statistics.median(sample.rate for sample in taken),
        "p50_ms": statistics.median(sample.p50_ms for sample in taken),
        "p99_ms": statistics.median(sample.p99_ms for sample in taken),
        "not_200": sum(sample.bad for sample in taken),
    }


def batch_rate(url: str, texts: list[str]) -> float:
    """Tweets per second through `POST /predict/batch`, a thousand at a time, one after the other."""
    body = {"texts": texts[:1000]}
    with httpx.Client(headers={"X-API-Key": KEY}, timeout=30) as client:
        client.post(f"{url}/predict/batch", json=body).raise_for_status()
        started = perf_counter()
        for _ in range(20):
            client.post(f"{url}/predict/batch", json=body).raise_for_status()
    return 20 * 1000 / (perf_counter() - started)


def show(results: dict[str, object]) -> None:
    """Prints every figure on a line of its own."""
    for group, figures in results.items():
        for name, value in figures.items() if isinstance(figures, dict) else [("", figures)]:
            print(
                f"{group:24} {name:18} {value:>12,.2f}" if isinstance(value, float) else f"{group:24} {name:18} {value}"
            )


if __name__ == "__main__":
    main()
