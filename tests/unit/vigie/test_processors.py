"""Processors as a container's limit counts them."""

import os
from pathlib import Path

import pytest

from vigie.processors import usable_processors

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ALL),
        ({"cpu.max": "max 100000\n"}, ALL),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "20000 100000\n"}, 1),
        ({"cpu.max": f"{ALL * 100_000 + 50_000} 100000\n"}, ALL),
        ({"cpu.max": "rubbish"}, ALL),
        ({"cpu.max": "1 0"}, ALL),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, ALL),
    ],
)
def test_the_quota_of_the_control_group_is_the_limit(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="ascii")
    assert usable_processors(tmp_path) == expected
