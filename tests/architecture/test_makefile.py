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


def test_actions_are_pinned_to_a_commit_and_jobs_get_no_rights_they_do_not_need() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = workflow.read_text("utf-8")
        assert all(re.search(r"@[0-9a-f]{40} # v\S+$", line) for line in re.findall(r"uses: .*$", text, re.M))
        assert "permissions:\n  contents: read" in text
