"""Other servers of the same kind in the same run: a script that loads them and ours in turn, named by `PEERS`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.load import KEY
from tests.bench.stage import Stage

HOME = Path("/var/tmp/vigie-peers")  # noqa: S108 - the environments of the peers, minutes to make, hold no secret
SCRIPT = Path(os.environ.get("PEERS", "../shared/bench/peers/compare.py"))


def measure(stage: Stage) -> dict[str, Any]:
    """The script's rows and ratios; the first time it installs every peer."""
    with stage.running("peers") as system:
        found = stage.folder / "peers.json"
        ours = ["--ours", f"{system.url}/predict", "--key", KEY, "--json", str(found)]
        subprocess.run([sys.executable, str(SCRIPT), "--home", str(HOME), *ours], check=True)
    results: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return results
