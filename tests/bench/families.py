"""The other families through the gateway, against the same artefact in this process and the same network in PyTorch."""

from statistics import median

from tests.bench.in_process import in_process, in_torch
from tests.bench.load import Sample, middle
from tests.bench.singles import batch_rate
from tests.bench.stage import Stage

FAMILIES = ("forest", "lstm", "lightgbm", "distilbert")
CONNECTIONS = 64
SECONDS = 8
ROUNDS = 3
BATCHES = 5


def measure(stage: Stage) -> dict[str, object]:
    """By family: single tweets at 64 connections and batches of a thousand, and what share of the best in-process rate
    that is; in rounds.
    """
    with stage.running("families", "logreg", *FAMILIES) as system:
        found: dict[str, object] = {}
        for family in FAMILIES:
            artefact = stage.artefact(system, family)
            served: list[Sample] = []
            batches: list[float] = []
            limits: list[float] = []
            peers: list[float] = []
            for _ in range(ROUNDS):
                limits.append(max(in_process(family, artefact, stage.texts).values()))
                if family == "distilbert":
                    peers.append(max(in_torch(stage.texts).values()))
                taken = stage.load.run(system.url, connections=CONNECTIONS, seconds=SECONDS, model=family)
                served.append(taken)
                batches.append(batch_rate(system, stage.texts, model=family, batches=BATCHES))
            figures, rates = middle(served), [sample.rate for sample in served]
            figures["batch_1000_tweets_per_s"] = median(batches)
            figures["batch_1000_of_in_process"] = _ratio(batches, limits)
            figures["in_process_tweets_per_s"] = median(limits)
            figures["of_in_process"] = _ratio(rates, limits)
            if peers:
                figures["torch_bfloat16_tweets_per_s"] = median(peers)
                figures["times_torch_bfloat16"] = _ratio(rates, peers)
            found[family] = figures
    return found


def _ratio(rates: list[float], limits: list[float]) -> float:
    return median(rate / limit for rate, limit in zip(rates, limits, strict=True))
