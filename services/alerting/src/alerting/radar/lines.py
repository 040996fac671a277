"""What the radar's commands print: lines for people, or one JSON object per line for machines."""

import json
from datetime import UTC, datetime

from alerting.radar.evaluation import Detection, Quiet
from alerting.radar.radar import Surge


def alarm(surge: Surge, *, as_json: bool) -> str:
    """One alarm."""
    reading, time = surge.reading, iso(surge.at_ms)
    detectors = [str(name) for name in reading.detectors]
    if as_json:
        return json.dumps(
            {
                "time": time,
                "scope": surge.scope,
                "detectors": detectors,
                "count": reading.count,
                "baseline": round(reading.baseline, 2),
                "score": round(reading.score, 2),
                "total": reading.total,
                "minutes": reading.end - reading.first,
            },
            ensure_ascii=False,
        )
    minutes = reading.end - reading.first
    return (
        f"{time}  {surge.scope}: {reading.count} negative tweets of {reading.total} in {minutes} min, "
        f"{reading.baseline:.1f} expected (score {reading.score:.1f}, {' and '.join(detectors)})"
    )


def quiet(name: str, found: Quiet, *, as_json: bool) -> str:
    """How often the radar speaks without a planted burst."""
    scopes = [surge.scope for surge in found.alarms]
    if as_json:
        told = {"days": round(found.days, 2), "alarms": len(scopes), "per_day": round(found.per_day, 3)}
        return json.dumps({"set": name, "kind": "quiet"} | told | {"scopes": scopes}, ensure_ascii=False)
    return f"{name:<8} {len(scopes)} alarms in {found.days:.1f} days: {found.per_day:.2f} a day"


def detection(name: str, found: Detection, *, as_json: bool) -> str:
    """How one size of burst is seen."""
    size = found.size
    if as_json:
        burst = {"scope": size.scope, "count": size.count, "minutes": size.minutes, "draws": found.draws}
        told = {
            "seen": round(found.seen, 3),
            "median_delay_minutes": None if found.delay is None else round(found.delay, 1),
        }
        return json.dumps({"set": name, "kind": "burst"} | burst | told, ensure_ascii=False)
    delay = "never" if found.delay is None else f"median delay {found.delay:.1f} min"
    return f"{name:<8} {size.scope} +{size.count} in {size.minutes:g} min: {found.seen:.0%} of {found.draws}, {delay}"


def iso(unix_ms: int) -> str:
    """`2015-02-20T14:05:31Z`."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
