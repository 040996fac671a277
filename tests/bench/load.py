"""wrk (Debian package), driven from Python."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json", ["X-API-Key"] = os.getenv("KEY")}
local distinct, started = os.getenv("DISTINCT") == "1", os.time()
local i = 0
function request()
  i = i + 1
  local text = bodies[(i * 7919) % #bodies + 1]
  if distinct then text = text:sub(1, -2) .. " " .. started .. " " .. i .. '"' end
  return wrk.format("POST", nil, headers, '{"text":' .. text .. "}")
end
function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: requests per second, latencies in ms, answers that were not 200."""

    rate: float
    p50_ms: float
    p99_ms: float
    bad: int


def wrk(
    url: str, texts: list[str], folder: Path, *, key: str, connections: int, seconds: int, distinct: bool = True
) -> Sample:
    """Loads `url` with one tweet a request from `connections` connections, after a warm-up of two seconds.

    `distinct` tweets end with a number of their own; without it the same ones come again, as in a wave of retweets.
    """
    script, bodies = folder / "load.lua", folder / "bodies.jsonl"
    script.write_text(_SCRIPT, encoding="utf-8")
    bodies.write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")
    environment = os.environ | {"BODIES": str(bodies), "KEY": key, "DISTINCT": str(int(distinct))}

    def load(duration: int) -> str:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "-s", str(script), url]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    load(2)
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", load(seconds))
    assert found, "wrk printed no result"
    rate, p50, p99, bad = found.groups()
    return Sample(float(rate), float(p50), float(p99), int(bad))
