"""Three times what can be served, for half a minute: what is still answered, how the rest is turned away."""

from dataclasses import asdict

from tests.bench.load import Answers, Sample
from tests.bench.stage import Stage
from tests.support.system import LocalSystem

FAMILIES = ("logreg", "distilbert")
TIMES = 3
SECONDS = 30
NORMAL_SECONDS = 8
CONNECTIONS = 1500
NOBODY = Answers(0.0, 0.0, 0.0)


def measure(stage: Stage) -> dict[str, object]:
    """By family. Its own tweets are all that the system gets meanwhile; a brown-out may answer for an expensive one."""
    with stage.running("overload", *FAMILIES) as system:
        return {family: _overloaded(stage, system, family) for family in FAMILIES}


def _overloaded(stage: Stage, system: LocalSystem, family: str) -> dict[str, object]:
    normal = stage.load.run(system.url, connections=64, seconds=NORMAL_SECONDS, model=family)
    many = stage.load.run(system.url, connections=256, seconds=NORMAL_SECONDS, model=family)
    most = max(normal.rate, many.rate)
    over = stage.load.run(
        system.url, connections=CONNECTIONS, seconds=SECONDS, model=family, rate=TIMES * most, warm_up=0
    )
    after = stage.load.run(system.url, connections=64, seconds=1, model=family, warm_up=0)
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
