"""Every test that the threat model names exists."""

import re

from tests.architecture.sources import ROOT


def test_every_guard_is_tested_as_the_page_says() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / ".github" / "SECURITY.md").read_text("utf-8")))
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"^(?:async )?def (test_\w+)\(", source, re.M)}
    assert named
    assert named <= there, f"no such test: {sorted(named - there)}"
