"""How versions on trial and the champions beside them did over the last day, and which were stopped."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, select

from feedback.history import instant
from feedback.stopping import Lately
from feedback.tables import predictions, subjects, trial_stops, trials, votes
from vigie.durations import DAY_MS
from vigie.trials import Record, StopReason, TrialReport, TrialStop

_WRONG = subjects.c.error_ms.is_not(None)
_VOTED = exists(select(votes.c.id).where(votes.c.prediction_id == subjects.c.prediction_id, votes.c.current))
_TRUTH = case((_WRONG, 1 - subjects.c.label), else_=subjects.c.label)


def stops(connection: Connection) -> list[TrialStop]:
    """Every challenger that was stopped, the last one first."""
    rows = connection.execute(select(trial_stops).order_by(trial_stops.c.id.desc())).all()
    return [
        TrialStop(
            model=row.model,
            version=row.version,
            at=instant(row.stopped_ms),
            reason=StopReason(row.reason),
            detail=row.detail,
        )
        for row in rows
    ]


def reports(connection: Connection, now_ms: int) -> list[TrialReport]:
    """Of each family and alias the version that was tried last, beside the champion of then."""
    stopped = {(stop.model, stop.version): stop for stop in stops(connection)}
    newest: dict[tuple[str, str], Row[Any]] = {}
    for row in connection.execute(_compared(now_ms - DAY_MS)).all():
        known = newest.get((row.model, row.alias))
        if known is None or row.newest > known.newest:
            newest[row.model, row.alias] = row
    return [_report(connection, row, stopped.get((row.model, row.version))) for _, row in sorted(newest.items())]


def lately(connection: Connection, report: TrialReport, since_ms: int) -> Lately:
    """What it did since then."""
    mine = (*_of(report.model, report.alias, report.trial.version), trials.c.created_ms >= since_ms)
    failed = trials.c.label.is_(None)
    moments = func.count(func.distinct(case((failed, trials.c.created_ms))))
    counts = select(func.count(), _sum(failed, "failures"), moments).where(*mine)
    asked, failures, different = connection.execute(counts).one()
    last = select(trials.c.failure).where(*mine, failed).order_by(trials.c.id.desc()).limit(1)
    return Lately(asked, failures or 0, different, connection.execute(last).scalar())


def wrong_answers(report: TrialReport) -> ColumnElement[bool]:
    """Which voted predictions are answers of the trial that people report wrong."""
    mine = (*_of(report.model, report.alias, report.trial.version), trials.c.answered)
    return and_(_WRONG, subjects.c.prediction_id.in_(select(trials.c.prediction_id).where(*mine)))


def _of(model: str, alias: str, version: str) -> tuple[ColumnElement[bool], ...]:
    return trials.c.model == model, trials.c.alias == alias, trials.c.version == version


def _sum(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0)).label(name)


def _compared(since_ms: int) -> Select[tuple[Any, ...]]:
    parts = (trials.c.model, trials.c.alias, trials.c.version, trials.c.champion)
    return (
        select(
            *parts,
            func.min(trials.c.created_ms).label("oldest"),
            func.max(trials.c.id).label("newest"),
            _sum(trials.c.label.is_not(None), "compared"),
            _sum(trials.c.label == trials.c.champion_label, "agreed"),
            _sum(trials.c.label.is_(None), "failed"),
            _sum(trials.c.answered, "answered"),
        )
        .where(trials.c.created_ms >= since_ms)
        .group_by(*parts)
    )


def _report(connection: Connection, row: Row[Any], stopped: TrialStop | None) -> TrialReport:
    voted = _voted(connection, row)
    champion = _champion(connection, row.model, row.champion, row.oldest)
    return TrialReport(
        model=row.model,
        alias=row.alias,
        since=instant(row.oldest),
        trial=Record(
            version=row.version,
            answered=row.answered,
            voted=voted["voted"],
            errors=voted["errors"],
            right=voted["right"],
        ),
        champion=champion.model_copy(update={"right": voted["champion_right"]}),
        compared=row.compared,
        agreed=row.agreed,
        judged=voted["judged"],
        failed=row.failed,
        stopped=stopped,
    )


def _voted(connection: Connection, row: Row[Any]) -> dict[str, int]:
    """Of the tweets that people voted on: how many both sides answered, and who was right."""
    both = trials.c.label.is_not(None)
    mine = (*_of(row.model, row.alias, row.version), trials.c.champion == row.champion)
    found = connection.execute(
        select(
            _sum(both, "judged"),
            _sum(trials.c.label == _TRUTH, "right"),
            _sum(and_(both, trials.c.champion_label == _TRUTH), "champion_right"),
            _sum(trials.c.answered, "voted"),
            _sum(and_(trials.c.answered, _WRONG), "errors"),
        )
        .select_from(trials.join(subjects, trials.c.prediction_id == subjects.c.prediction_id))
        .where(*mine, trials.c.created_ms >= row.oldest, _VOTED)
    ).one()
    return {name: count or 0 for name, count in found._mapping.items()}


def _champion(connection: Connection, model: str, version: str, since_ms: int) -> Record:
    """What it answered meanwhile, and what people said of that."""
    answered = select(func.count()).where(
        predictions.c.model == model, predictions.c.version == version, predictions.c.created_ms >= since_ms
    )
    said = select(func.count(), _sum(_WRONG, "errors")).where(
        subjects.c.model == model, subjects.c.version == version, subjects.c.predicted_ms >= since_ms, _VOTED
    )
    voted, errors = connection.execute(said).one()
    total = connection.execute(answered).scalar_one()
    return Record(version=version, answered=total, voted=voted, errors=errors or 0)
