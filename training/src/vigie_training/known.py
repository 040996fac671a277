"""The data sets that the recipes know by file name: which labels they have and what they may be used for."""

from dataclasses import dataclass, field
from typing import Literal

Labels = Literal["auto", "binary", "three-class"]


@dataclass(frozen=True, slots=True)
class KnownSet:
    """How to treat a data set.

    `held_out` says which rows are for evaluation: `all`; `none`; `last-day` (a stream: later days are unseen ones);
    `share`, a tenth by content. `weight` is a row's weight in the fit, `sampling_weights` overrides it by the row's
    sampling. With `fair_sampling` only rows of that sampling are evaluated or calibrated on: the others mix class with
    date. `calibration` is what the set as a whole weighs in the calibration; a `balanced` one has as many of either
    label where it comes from, though not in the file. `negative_share` is the share of negative rows there, where the
    file's is another: it says how sure a model should be, while its labels go by the file; as published, of held-out
    rows too. The transformer is tuned on sets that are `general`, unlike what is predicted, before all others, in which
    a row weighs `tuning_weight`. `kind` is of whom the tweets speak, where all of a set are alike in that: temperatures
    are fitted for either.
    """

    labels: Labels
    held_out: Literal["all", "none", "last-day", "share"] = "share"
    weight: float = 2.0
    fair_sampling: str = ""
    sampling_weights: dict[str, float] = field(default_factory=dict)
    calibration: float = 1.0
    balanced: bool = False
    negative_share: float | None = None
    general: bool = False
    tuning_weight: float = 1.0
    kind: Literal["", "company", "own life"] = ""


KNOWN = {
    "sentiment140_train": KnownSet(
        "binary",
        weight=1.0,
        fair_sampling="random",
        sampling_weights={"random": 3.0, "early_both": 1.5},
        calibration=4.0,
        balanced=True,
        kind="own life",
    ),
    "sentiment140_dev": KnownSet("binary", held_out="all"),
    "airline_feb17_21": KnownSet(
        "three-class",
        held_out="last-day",
        weight=6.0,
        calibration=2.0,
        negative_share=0.795,  # 9,178 of 11,541 that are not neutral (Twitter US Airline Sentiment, CrowdFlower 2015)
        tuning_weight=3.0,
        kind="company",
    ),
    "semeval2013_2016_train": KnownSet("three-class", general=True),
    "tweeteval_val": KnownSet("three-class", held_out="all"),
    "tweet_sentiment_extraction": KnownSet("three-class", general=True),
    "brands_sxsw2011": KnownSet("three-class", calibration=0.2, general=True),
    "sanders": KnownSet("three-class", calibration=0.2, general=True),
    "apple_twitter": KnownSet("three-class", calibration=0.2, general=True),
    "feedback": KnownSet("binary", held_out="none", weight=4.0, tuning_weight=4.0),
}
ANY_OTHER = KnownSet("auto", weight=1.0)


def known_set(source: str) -> KnownSet:
    """The policy of the data set of that name."""
    return KNOWN.get(source, ANY_OTHER)
