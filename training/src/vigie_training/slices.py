"""Kinds of tweets in which a model may be better or worse than on all of them."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from vigie.text import normalise
from vigie_training.evaluate import Evaluation
from vigie_training.rows import Mask

_NEGATION = re.compile(
    r"\b(?:not|no|never|nothing|nobody|nowhere|none|neither|nor|without|cannot)\b|n't\b"
    r"|\b(?:ai|are|ca|could|did|does|do|had|has|have|is|must|need|should|was|were|wo|would)nt\b",
    re.I,
)
_EMOJI = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]|[:;=]-?(?:\)|[(DPp/](?!\w))|(?<![\w(])8-?[)D](?!\w)")
_AIRLINE = re.compile(
    r"\b(?:airlines?|airways|flights?|flying|flew|airport|luggage|boarding|plane|pilot|crew|united|delta|jetblue"
    r"|southwestair|usairways|virginamerica|americanair|airparadis)\b",
    re.I,
)
_SHOUTED = re.compile(r"\b[A-Z]{3,}\b")

SLICES: dict[str, Callable[[str], bool]] = {
    "short (under 50 characters)": lambda text: len(text) < 50,
    "long (over 120 characters)": lambda text: len(text) > 120,
    "negation": lambda text: bool(_NEGATION.search(normalise(text))),
    "emoji or emoticon": lambda text: bool(_EMOJI.search(normalise(text))),
    "airline": lambda text: bool(_AIRLINE.search(text)),
    "hashtag": lambda text: "#" in normalise(text),
    "two words in capitals": lambda text: len(_SHOUTED.findall(normalise(text))) >= 2,
    "question": lambda text: "?" in normalise(text),
}


def by_slice(evaluation: Evaluation) -> pd.DataFrame:
    """One line per slice: `slice`, `rows`, `accuracy`, `macro_recall` (NaN where one label is missing)."""
    once = evaluation.rows.once()
    rows, right = evaluation.rows.where(once), evaluation.right[once]
    texts, labels = rows.texts, rows.labels
    lines = []
    for name, holds in SLICES.items():
        mask: Mask = np.array([holds(text) for text in texts], bool)
        parts = [right[mask & (labels == label)] for label in (0, 1)]
        lines.append(
            {
                "slice": name,
                "rows": int(mask.sum()),
                "accuracy": float(right[mask].mean()) if mask.any() else float("nan"),
                "macro_recall": float(np.mean([part.mean() if len(part) else np.nan for part in parts])),
            }
        )
    return pd.DataFrame(lines)
