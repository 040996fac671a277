"""Votes as training rows: which labels may be learnt from."""

from collections import Counter
from collections.abc import Collection
from io import StringIO

import pandas as pd
import urllib3

from vigie_training.errors import TrainingError
from vigie_training.rows import DAY, LABEL, SAMPLING, SOURCE, TEXT, Rows

FEEDBACK = "feedback"
AGREEING = 2
_TIMEOUT = urllib3.Timeout(connect=3.0, read=120.0)
_CELLS = ("prediction_id", "annotator", "verdict", "expected_label", "prediction_label", "text", "created_at")


def fetch(url: str) -> pd.DataFrame:
    """The votes that stand, as the feedback service at `url` exports them; raises `TrainingError`."""
    try:
        export = f"{url.rstrip('/')}/feedback/export.csv?raw=true"
        reply = urllib3.request("GET", export, timeout=_TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise TrainingError(f"FEEDBACK_URL: no feedback service answers at {url}: {error}") from error
    if reply.status != 200:
        raise TrainingError(f"FEEDBACK_URL: {url} answered {reply.status}, expected 200")
    try:
        votes = pd.read_csv(StringIO(reply.data.decode()), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise TrainingError(f"FEEDBACK_URL: {url}: expected the votes as CSV: {error}".strip()) from error
    if missing := set(_CELLS) - set(votes.columns):
        raise TrainingError(f"FEEDBACK_URL: {url}: expected the column {sorted(missing)[0]!r} in the export, got none")
    return votes


def qualified(votes: pd.DataFrame, trusted: Collection[str] = ()) -> Rows:
    """One row per prediction whose label two annotators agree on, or a trusted one gives.

    Trusted annotators overrule the others; a prediction on which either group is divided is left out, and so is one
    whose text is gone. Votes come for mistakes more often than for what was right: never measure accuracy on these.
    """
    lines = []
    for _, group in votes[votes["text"].str.strip() != ""].groupby("prediction_id", sort=True):
        said = [(_label(vote), vote.annotator in trusted) for vote in group.itertuples()]
        label = _agreed([label for label, is_trusted in said if is_trusted], 1)
        if label is None and not any(is_trusted for _, is_trusted in said):
            label = _agreed([label for label, _ in said], AGREEING)
        if label is not None:
            lines.append((group["text"].iloc[0], label, group["created_at"].min()[:10]))
    frame = pd.DataFrame(lines, columns=[TEXT, LABEL, DAY]).astype({LABEL: "int64"})
    frame[SOURCE], frame[SAMPLING] = FEEDBACK, ""
    return Rows(frame)


def _agreed(labels: list[int], needed: int) -> int | None:
    """The label that at least so many give, and more than give the other."""
    counts = Counter(labels).most_common()
    if not counts or counts[0][1] < needed or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def _label(vote: object) -> int:
    cells = {name: getattr(vote, name) for name in ("verdict", "expected_label", "prediction_label")}
    if cells["expected_label"]:
        return int(float(cells["expected_label"]))
    predicted = int(float(cells["prediction_label"]))
    return predicted if cells["verdict"] == "correct" else 1 - predicted
