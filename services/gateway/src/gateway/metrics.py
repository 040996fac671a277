"""What the gateway counts of its calls to predictors: the wait in its own queue apart from the call."""

from prometheus_client import Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

QUEUE_SECONDS = Histogram(
    "vigie_upstream_queue_seconds",
    "How long the oldest request of a call to a predictor was queued.",
    ["model"],
    buckets=_SECONDS,
)
CALL_SECONDS = Histogram("vigie_upstream_seconds", "How long a call to a predictor took.", ["model"], buckets=_SECONDS)
QUEUE_TEXTS = Gauge("vigie_upstream_queue_texts", "Single tweets that wait for a call to a predictor.", ["model"])
