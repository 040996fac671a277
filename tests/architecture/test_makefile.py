"""The Makefile is the only door, so every door has a sign."""

import os
import re
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("said", "given", "heard"),
    [
        ([], None, "compose up --build --wait with none"),
        ([], "logreg,forest", "compose up --build --wait ui predictor-logreg predictor-forest with logreg,forest"),
        (["MODELS=lstm"], None, "compose up --build --wait ui predictor-lstm with lstm"),
    ],
)
def test_make_up_hands_on_the_families_that_the_user_names_and_none_of_its_own(
    tmp_path: Path, said: list[str], given: str | None, heard: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$* with ${MODELS-none}"\n', "ascii")
    docker.chmod(0o700)
    outside = {name: value for name, value in os.environ.items() if not re.match(r"MAKE|MFLAGS|MODELS", name)}
    outside |= {"PATH": f"{tmp_path}:{outside['PATH']}"} | ({"MODELS": given} if given else {})
    command = ["make", "--no-print-directory", "up", *said]
    done = subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{heard}\n"
