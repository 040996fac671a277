"""The Makefile is the only door, so every door has a sign."""

import re

from tests.architecture.sources import ROOT

PROMISED = {"run", "test", "train", "up", "down", "e2e", "bench", "check", "lock", "render", "help"}


def test_every_target_a_person_calls_has_a_line_of_help() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = {name for line in re.findall(r"^\.PHONY:(.*)$", text, re.M) for name in line.split()}
    helped = set(re.findall(r"^([a-z0-9-]+):.*## \S", text, re.M))
    assert phony - helped == set()
    assert PROMISED - helped == set()


def test_workflows_call_make_and_nothing_else() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for command in re.findall(r"^\s*(?:- )?run: (.*)$", workflow.read_text("utf-8"), re.M):
            assert re.fullmatch(r"make( [A-Za-z0-9_=-]+)+", command), f"{workflow.name}: {command}"
