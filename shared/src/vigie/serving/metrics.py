"""What a predictor counts: the wait in the queue apart from the computing."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

BATCH_TEXTS = Histogram(
    "vigie_batch_texts",
    "Texts computed together.",
    ["model"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)
QUEUE_SECONDS = Histogram(
    "vigie_queue_seconds", "How long the oldest request of a batch was queued.", ["model"], buckets=_SECONDS
)
COMPUTE_SECONDS = Histogram("vigie_compute_seconds", "How long a batch was computed.", ["model"], buckets=_SECONDS)
QUEUE_TEXTS = Gauge("vigie_queue_texts", "Texts that wait in the queue.", ["model"])

MODEL_INFO = Gauge("vigie_model_info", "1 for the version that serves.", ["model", "version", "model_id"])
RELOADS = Counter(
    "vigie_reload_total",
    "Attempts to serve another version: ok, rejected (it stays out), unavailable or error (tried again).",
    ["model", "result"],
)
REJECTED = Gauge(
    "vigie_model_rejected_info",
    "1 for a version that the alias names and that stays out.",
    ["model", "version", "reason"],
)
REGISTRY_UP = Gauge("vigie_registry_up", "1 while the registry answers.")
STALE_SECONDS = Gauge(
    "vigie_model_stale_seconds",
    "How long it has not been certain that the serving version is the one that the alias names.",
    ["model"],
)
