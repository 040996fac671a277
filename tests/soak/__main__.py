"""`make soak`: the whole system under load for MINUTES while its services end at random; a table, and soak.json.

Everything is on the loopback and stops by itself. The same SEED ends the same services in the same order. The exit
status is 1 when a request failed, a vote was lost, or a mail came twice.
"""

import os
import sys
import tempfile
from pathlib import Path
from secrets import randbelow

from tests.soak.soak import soak


def main() -> None:
    """Soaks, prints and writes."""
    minutes = float(os.environ.get("MINUTES") or 5)
    seed = int(os.environ.get("SEED") or randbelow(10**6))
    with tempfile.TemporaryDirectory(prefix="vigie-soak-") as folder:
        report = soak(Path(folder) / "var", seconds=60 * minutes, seed=seed)
    print(report.table())
    Path("soak.json").write_bytes(report.as_json())
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
