"""`vigie-train compare` where not every version can be compared."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.training.conftest import Run, done
from tests.support.publishing import Publisher
from vigie.artifacts import MANIFEST, GoldenRow
from vigie.catalogue import FAMILIES, SHADOW, find_family

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No artefact can be downloaded."""

    def full(**_: str) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch/pipeline.skops")

    monkeypatch.setattr("vigie_training.model_registry.download_artifacts", full)


def write(folder: Path) -> list[GoldenRow]:
    (folder / "pipeline.skops").write_bytes(b"half a model")
    return [GoldenRow(text="late again", probability_negative=0.9)]


def damage_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{}")


def test_what_cannot_be_compared_is_left_out_and_named(
    first: dict[str, Any], run: Run, url: str, tmp_path: Path
) -> None:
    publisher, table = Publisher(url, find_family("logreg")), tmp_path / "table.csv"
    damaged = publisher.publish(write, damage=damage_manifest, alias=SHADOW)
    lost = publisher.publish(write, damage=shutil.rmtree, alias=SHADOW)
    found = done(run("compare", "--model", "logreg", "--output", table, "--json"))
    assert {line["version"] for line in found["table"]} == {first["version"]}
    assert [(one["family"], one["version"]) for one in found["left_out"]] == [("logreg", lost), ("logreg", damaged)]
    reasons = [one["reason"] for one in found["left_out"]]
    assert reasons[0].startswith(f"vigie-logreg version {lost}: no artefact could be fetched: ")
    assert reasons[1].startswith("manifest.json: not a manifest: ")
    printed = run("compare", "--model", "logreg", "--output", table).stdout.splitlines()
    assert [f"left out, logreg version {lost}: {reasons[0]}", f"left out, logreg version {damaged}: {reasons[1]}"] == [
        line for line in printed if line.startswith("left out, ")
    ]


def test_a_family_that_nothing_of_serves_is_left_out(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    found = done(run("compare", "--output", tmp_path / "table.csv", "--json"))
    others = [family.name for family in FAMILIES if family.name != "logreg"]
    assert found["left_out"] == [{"family": name, "version": None, "reason": "it has no champion"} for name in others]


def test_a_full_disk_ends_a_comparison(first: dict[str, Any], run: Run, full_disk: None, tmp_path: Path) -> None:
    failed = run("compare", "--model", "logreg", "--output", tmp_path / "table.csv", "--json")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith(
        "vigie-train: the disk that /scratch/pipeline.skops is on is full: make room (VIGIE_HOME, TMPDIR)"
    )
    assert not list(tmp_path.iterdir())


def test_a_training_is_not_lost_when_the_champion_cannot_be_fetched(
    first: dict[str, Any], run: Run, full_disk: None
) -> None:
    trained = done(run("run", "--model", "logreg", "--quick", "--json"))[0]
    assert not trained["promoted"]
    assert trained["gate"]["reasons"][0].startswith("the champion cannot be compared with: vigie-logreg version 1: ")
