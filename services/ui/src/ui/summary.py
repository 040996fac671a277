"""What a file of predictions says altogether, and which of its rows a reader wants to see."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from ui.charts import Bar, BarChart
from ui.scoring import Answer, Run, Wanted
from vigie.wording import Texts

WANTED: tuple[Wanted, ...] = get_args(Wanted)

UNSURE_BELOW = 0.7
SHOWN_ROWS = 100
_BINS = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over all rows; `by_model` are rows by family and version."""

    predicted: int
    negative: int
    unsure: int
    refused: int
    by_model: Sequence[tuple[str, int]]
    bins: Sequence[int]

    @property
    def share(self) -> float:
        """Of negative among the predicted."""
        return self.negative / self.predicted if self.predicted else 0.0


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the result table; `number` is its line, counted like a spreadsheet does (the header is 1)."""

    number: int
    text: str
    answer: Answer | None
    problem: str | None


def summarise(run: Run) -> Summary:
    """What the answers so far say."""
    answers = [answer for answer in run.answers if answer]
    bins = Counter(min(int(answer.negative * _BINS), _BINS - 1) for answer in answers)
    models = Counter(f"{answer.model.name} {answer.model.version}" for answer in answers)
    return Summary(
        predicted=len(answers),
        negative=sum(answer.prediction_label == 0 for answer in answers),
        unsure=sum(answer.confidence < UNSURE_BELOW for answer in answers),
        refused=len(run.problems),
        by_model=models.most_common(),
        bins=[bins[number] for number in range(_BINS)],
    )


def charts_of(summary: Summary, t: Texts) -> list[BarChart]:
    """How many of each sentiment, and how sure."""
    positive = summary.predicted - summary.negative
    sentiments = [
        Bar(t("sentiment.negative"), summary.negative, t.number(summary.negative), "negative"),
        Bar(t("sentiment.positive"), positive, t.number(positive), "positive"),
    ]
    sure = [
        Bar(f"{t.number(10 * number)}–{t.percent((number + 1) / 10)}", size, t.number(size), _tone(number))
        for number, size in enumerate(summary.bins)
    ]
    return [
        BarChart(t("file.chart.sentiments"), (t("file.chart.sentiment"), t("file.chart.tweets")), sentiments),
        BarChart(t("file.chart.sureness"), (t("file.chart.probability"), t("file.chart.tweets")), sure),
    ]


def choose(run: Run, wanted: Wanted, search: str) -> tuple[list[ShownRow], int]:
    """The first rows of the wanted kind that hold what is searched for, and how many there are."""
    needle = search.strip().casefold()
    hits = [
        row for row, text in enumerate(run.texts) if _is(run, row, wanted) and (not needle or needle in text.casefold())
    ]
    lines = run.lines
    rows = [
        ShownRow(lines[row], run.texts[row], run.answers[row], run.problems.get(row))
        for row in islice(hits, SHOWN_ROWS)
    ]
    return rows, len(hits)


def _is(run: Run, row: int, wanted: Wanted) -> bool:
    answer = run.answers[row]
    if wanted in ("all", "refused") or answer is None:
        return wanted == "all" or (wanted == "refused" and answer is None)
    return answer.confidence < UNSURE_BELOW if wanted == "unsure" else answer.sentiment == wanted


def _tone(number: int) -> Literal["negative", "positive"]:
    return "negative" if number >= _BINS / 2 else "positive"
