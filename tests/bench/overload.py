"""Three times what can be served, for half a minute: what is still answered, how the rest is turned away."""

from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from tests.bench.load import Answers, Sample
from tests.bench.stage import Stage
from tests.support.system import LocalSystem

FAMILIES = ("logreg", "distilbert")
TIMES = 3
SECONDS = 30
NORMAL_SECONDS = 8
NOBODY = Answers(0.0, 0.0, 0.0)


class Crowd(NamedTuple):
    """How many connections ask: usually, when there is much to do, and for three times what can be served; and for how
    many tweets a request.
    """

    usual: int
    many: int
    all: int
    batch: int


SINGLES, BATCHES = Crowd(64, 256, 1500, 1), Crowd(2, 6, 150, 1000)


def measure(stage: Stage) -> dict[str, object]:
    """By family. Its own tweets are all that the system gets meanwhile; a brown-out may answer for an expensive one."""
    with stage.running("overload", *FAMILIES) as system:
        asked = {**{family: (family, SINGLES) for family in FAMILIES}, "batches": (FAMILIES[0], BATCHES)}
        return {name: _overloaded(stage, system, family, crowd) for name, (family, crowd) in asked.items()}


def _overloaded(stage: Stage, system: LocalSystem, family: str, crowd: Crowd) -> dict[str, object]:
    run = partial(stage.load.run, system.url, model=family, batch=crowd.batch)
    normal = run(connections=crowd.usual, seconds=NORMAL_SECONDS)
    many = run(connections=crowd.many, seconds=NORMAL_SECONDS)
    most = max(normal.rate, many.rate)
    over = run(connections=crowd.all, seconds=SECONDS, rate=TIMES * most, warm_up=0)
    after = run(connections=crowd.usual, seconds=1, warm_up=0)
    answered, refused = over.answers.get(200, NOBODY), over.answers.get(429, NOBODY)
    return {
        "normal": _shown(normal),
        "most_per_s": most,
        "offered_per_s": TIMES * most,
        "sent_per_s": sum(answers.per_s for answers in over.answers.values()),
        "answered": asdict(answered),
        "answered_of_most": answered.per_s / most,
        "p99_of_normal": answered.p99_ms / normal.p99_ms,
        "refused_429": asdict(refused),
        "refused_without_retry_after": over.unstated,
        "other": {str(status): asdict(each) for status, each in over.answers.items() if status not in (200, 429)},
        "broken": over.broken,
        "first_second_after": _shown(after),
    }


def _shown(sample: Sample) -> dict[str, float]:
    return {
        "requests_per_s": sample.rate,
        "p50_ms": sample.p50_ms,
        "p99_ms": sample.p99_ms,
        "not_200": sample.bad + sample.broken,
    }
