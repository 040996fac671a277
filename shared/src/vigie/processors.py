"""How many processors this process may use: what it may run on, and what its control group pays for."""

import os
from math import ceil
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def usable_processors(cgroups: Path = CGROUPS) -> int:
    """At least one; a part of a processor counts as one. A quota that cannot be read is none."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, ceil(_quota(cgroups) or allowed)))


def _quota(cgroups: Path) -> float | None:
    """Of version 2 (`cpu.max`), else of version 1, in processors; null when there is none."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((cgroups / name).read_text("ascii") for name in files).split()
            return int(quota) / int(period) if int(quota) > 0 else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None
