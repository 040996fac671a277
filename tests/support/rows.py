"""Labelled rows made up for tests of training."""

import random
from collections.abc import Iterable

import numpy as np
import pandas as pd

from vigie_training.metrics import Doubles, Labels
from vigie_training.rows import DAY, LABEL, SAMPLING, SOURCE, TEXT, Rows

GLAD = ("thanks", "love", "great", "smooth", "kind", "best")
SAD = ("late", "lost", "rude", "worst", "cancelled", "dirty")
THINGS = ("crew", "flight", "bag", "gate", "seat", "food", "desk", "pilot", "cabin", "app")


def made_up(count: int, *, source: str = "made_up", seed: int = 1, flipped: float = 0.0) -> Rows:
    """`count` distinct tweets, as many of either label; a share `flipped` has the wrong label."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        label = number % 2
        words = [chance.choice(GLAD if label else SAD), *chance.sample(THINGS, 2), f"w{chance.randrange(10**9)}"]
        lines.append((" ".join(words), label if chance.random() >= flipped else 1 - label))
    return rows(lines, source=source)


def rows(lines: Iterable[tuple[str, int]], *, source: str = "made_up", day: str = "", sampling: str = "") -> Rows:
    """Rows of (text, label)."""
    found = list(lines)
    return Rows(
        pd.DataFrame(
            {
                TEXT: [text for text, _ in found],
                LABEL: [label for _, label in found],
                SOURCE: source,
                DAY: day,
                SAMPLING: sampling,
            }
        )
    )


def answers(count: int, seed: int = 3) -> tuple[Labels, Doubles]:
    """Labels, and probabilities that know something of them."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 2, count)
    positive = np.clip(0.5 + (labels - 0.5) * 0.5 + chance.normal(0, 0.3, count), 0.01, 0.99)
    return labels, positive.round(2).astype(np.float64)
