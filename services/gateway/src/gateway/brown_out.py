"""Brown-out: when a family is overrun, a cheaper one answers, and only what that one is unsure about is sent on.

A bad buzz is a spike of traffic; the expensive family then spends its time where it makes a difference (Klein et al.
2014, "Brownout"; Viola and Jones 2001 for the cascade).
"""

from dataclasses import dataclass

from prometheus_client import Counter

from gateway.predictors import PredictorClient

TWEETS = Counter(
    "vigie_brown_out_tweets_total",
    "Tweets that met a family in a brown-out, by who answered: the `cheap` family, or the `wanted` one after all.",
    ["model", "answered_by"],
)


@dataclass(frozen=True, slots=True)
class BrownOut:
    """`budget_seconds` is the wait that a family may have before it is relieved, 0 for ever; one that refuses tweets is
    relieved at once. An answer is sure when its confidence is at least `sure_from`.
    """

    budget_seconds: float
    sure_from: float

    def holds(self, wanted: PredictorClient, cheap: PredictorClient) -> bool:
        """Whether `cheap` should answer first: it can at once, and `wanted` cannot."""
        budget = self.budget_seconds
        if budget <= 0 or cheap is wanted or cheap.is_overrun or cheap.expected_wait > budget:
            return False
        return wanted.is_overrun or wanted.expected_wait > budget

    def is_sure(self, negative: float) -> bool:
        """Whether an answer need not be sent on."""
        return max(negative, 1 - negative) >= self.sure_from

    def count(self, wanted: PredictorClient, *, cheap: int, sent_on: int) -> None:
        """Adds to the metric."""
        TWEETS.labels(wanted.family.name, "cheap").inc(cheap)
        TWEETS.labels(wanted.family.name, "wanted").inc(sent_on)
