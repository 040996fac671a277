"""The last hours as the gateway knows them: volume and share of negatives, alarms, the latest negative tweets."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ui.gateway import Gateway, Trouble
from vigie.alerts import Alert, AlertPage
from vigie.schemas import EVERYTHING, CountedMoment, CountedPart, LoggedPrediction, PredictionCounts, PredictionPage

SPANS = {"6": (timedelta(hours=6), 15), "24": (timedelta(hours=24), 60), "168": (timedelta(days=7), 360)}
LATEST = 8
MOST_PAGES = 20
_LOOKED_AT = 50  # retweets say the same again and again
_FIRST_ALARMS, _MORE_ALARMS = 100, 500  # the first page is mostly enough, and is asked for every few seconds


@dataclass(frozen=True, slots=True)
class Column:
    """One step of the chart: heights from 0 to 1, and the alarms that fired in it."""

    moment: CountedMoment
    height: float
    negative: float
    alarms: Sequence[Alert]

    @property
    def share(self) -> float | None:
        """Of negative among all; null when there was none."""
        return self.moment.negative / self.moment.total if self.moment.total else None

    @property
    def told(self) -> list[tuple[str, str, int]]:
        """Rule and scope of its alarms, and how often each fired."""
        kinds = Counter((alarm.rule, alarm.scope) for alarm in self.alarms)
        return [(rule, scope, times) for (rule, scope), times in kinds.items()]


@dataclass(frozen=True, slots=True)
class Live:
    """What the tab shows. `alarms_known` is false for a key that may not see them."""

    seen_at: datetime
    columns: Sequence[Column]
    models: Sequence[CountedPart]
    topics: Sequence[CountedPart]
    latest: Sequence[LoggedPrediction]
    alarms_known: bool

    @property
    def total(self) -> int:
        """Predictions in the time shown."""
        return sum(column.moment.total for column in self.columns)

    @property
    def negative(self) -> int:
        """Negative ones among them."""
        return sum(column.moment.negative for column in self.columns)

    @property
    def top(self) -> int:
        """The highest column."""
        return max((column.moment.total for column in self.columns), default=0)

    @property
    def alarms(self) -> int:
        """How many alarms fired in the time shown."""
        return sum(len(column.alarms) for column in self.columns)


async def look(gateway: Gateway, span: str, topic: str | None, now: datetime, *, key: str | None = None) -> Live:
    """The state now, with the alarms where `key`, or else the page's own, may see them; raises `Trouble`."""
    length, step = SPANS[span]
    since = now - length
    counts = await gateway.get(
        "/predictions/counts", PredictionCounts, since=since.isoformat(), step_minutes=step, topic=topic or None
    )
    page = await gateway.get(
        "/predictions",
        PredictionPage,
        limit=_LOOKED_AT,
        since=since.isoformat(),
        topic=topic or None,
        sentiment="negative",
    )
    alarms = await _alarms(gateway, key, min((moment.at for moment in counts.moments), default=since))
    distinct: dict[str, LoggedPrediction] = {}
    for one in page.items:
        if one.text:  # of one that was erased there is nothing to show
            distinct.setdefault(one.text, one)
    return Live(
        seen_at=now,
        columns=columns_of(
            counts, [alarm for alarm in alarms or [] if not topic or alarm.scope in (EVERYTHING, topic)]
        ),
        models=counts.models,
        topics=counts.topics,
        latest=list(distinct.values())[:LATEST],
        alarms_known=alarms is not None,
    )


def columns_of(counts: PredictionCounts, alarms: Sequence[Alert]) -> list[Column]:
    """The chart's columns, each with the alarms that fired in its time."""
    top = max((moment.total for moment in counts.moments), default=0) or 1
    step = timedelta(minutes=counts.step_minutes)
    return [
        Column(
            moment,
            moment.total / top,
            moment.negative / top,
            [alarm for alarm in alarms if moment.at <= alarm.fired_at < moment.at + step],
        )
        for moment in counts.moments
    ]


async def _alarms(gateway: Gateway, key: str | None, since: datetime) -> list[Alert] | None:
    """Those that fired from then on, of at most `MOST_PAGES` the newest; null for a key that may not see them."""
    found: list[Alert] = []
    cursor: str | None = None
    try:
        for number in range(MOST_PAGES):
            limit = _MORE_ALARMS if number else _FIRST_ALARMS
            page = await gateway.get("/alerts", AlertPage, key=key, limit=limit, cursor=cursor)
            found += [alarm for alarm in page.items if alarm.fired_at >= since]
            cursor = page.next_cursor
            if cursor is None or (page.items and page.items[-1].fired_at < since):
                break
        return found
    except Trouble as trouble:
        if trouble.code in ("forbidden", "unauthorized"):
            return None
        raise
