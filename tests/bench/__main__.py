"""`make bench`: speed and memory of the whole system on this machine, as a table, as bench.json and as bench.png.

Everything runs on the loopback against systems of its own, in the state a user gets: keys on, predictions logged,
feedback possible. `ONLY` names the parts to run, comma-separated; what bench.json holds of other parts stays, each with
its time. The figures of one part belong together; compare ratios, never single figures of different days.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.bench import alerting, families, growth, memory, overload, page, peers, picture, singles, training
from tests.bench.stage import Stage

PARTS: dict[str, Callable[[Stage], Mapping[str, Any]]] = {
    "logreg": singles.measure,
    "families": families.measure,
    "overload": overload.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "page": page.measure,
    "alerting": lambda stage: alerting.measure(stage.folder),
    "training": lambda stage: training.measure(stage.folder),
    "peers": peers.measure,
}
USUAL = ("logreg", "families", "overload", "memory", "growth", "page", "alerting", "training")
WRITTEN = Path("bench.json")


def main() -> None:
    """Measures part by part; what is done is printed and written before the next one begins."""
    wanted = [name.strip() for name in (os.environ.get("ONLY") or ",".join(USUAL)).split(",")]
    if unknown := set(wanted) - set(PARTS):
        raise SystemExit(f"ONLY: expected parts from {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    results: dict[str, Any] = json.loads(WRITTEN.read_text("utf-8")) if WRITTEN.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        try:
            for name in wanted:
                results[name] = {"at": datetime.now(UTC).isoformat("T", "seconds"), **machine(), **PARTS[name](stage)}
                for place, value in figures(name, results[name]):
                    print(f"{place:64} {value}", flush=True)
                WRITTEN.write_text(json.dumps(results, indent=1), encoding="utf-8")
        finally:
            stage.stop()
    picture.draw(results, WRITTEN.with_suffix(".png"))


def machine() -> dict[str, float]:
    """What else the figures depend on: processors, and how many programs wanted one before the part began."""
    return {"processors": psutil.cpu_count() or 0, "load_before": psutil.getloadavg()[0]}


def figures(place: str, value: object) -> Iterator[tuple[str, str]]:
    """Every figure with the path to it; of a curve only its length."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from figures(f"{place} {name}", inner)
    elif isinstance(value, list):
        yield place, f"{len(value)} points"
    else:
        yield place, f"{value:,.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
