"""The default family as a user gets it: single tweets, retweets, batches of a thousand; memory."""

from statistics import median
from time import perf_counter

import httpx

from tests.bench.in_process import Rates, in_process
from tests.bench.load import KEY, Sample, middle, numbered
from tests.bench.stage import Stage
from tests.support.system import LocalSystem, tree_rss

SECONDS = 8
ROUNDS = 3
BATCHES = 20
BATCH = 1000


def measure(stage: Stage) -> dict[str, object]:
    """In rounds, so that what changes on the machine meanwhile meets every figure."""
    samples: dict[str, list[Sample]] = {}
    batches: list[float] = []
    limits: list[Rates] = []
    with stage.running("logreg") as system:
        artefact = stage.artefact(system, "logreg")
        for _ in range(ROUNDS):
            limits.append(in_process("logreg", artefact, stage.texts, sizes=(1, 64, 512)))
            for name, connections, distinct in (
                ("single_c1", 1, True),
                ("single_c64", 64, True),
                ("retweets_c64", 64, False),
            ):
                taken = stage.load.run(system.url, connections=connections, seconds=SECONDS, distinct=distinct)
                samples.setdefault(name, []).append(taken)
            batches.append(batch_rate(system, stage.texts))
        memory = {name: round(tree_rss(process), 1) for name, process in system.processes().items()}
    shares = [batch / limit[512] for batch, limit in zip(batches, limits, strict=True)]
    return {
        "in_process": {f"batch_{size}": median(limit[size] for limit in limits) for size in limits[0]},
        **{name: middle(taken) for name, taken in samples.items()},
        "batch_1000_tweets_per_s": median(batches),
        "batch_1000_of_in_process_512": median(shares),
        "rss_mb": memory,
    }


def batch_rate(system: LocalSystem, texts: list[str], *, model: str = "logreg", batches: int = BATCHES) -> float:
    """Tweets per second through `POST /predict/batch`, a thousand at a time, one after the other."""
    bodies = [{"texts": numbered(texts)[:BATCH], "model": model} for _ in range(batches)]
    with httpx.Client(headers={"X-API-Key": KEY}, timeout=30) as client:
        client.post(f"{system.url}/predict/batch", json=bodies[0]).raise_for_status()
        started = perf_counter()
        for body in bodies:
            client.post(f"{system.url}/predict/batch", json=body).raise_for_status()
    return batches * BATCH / (perf_counter() - started)
