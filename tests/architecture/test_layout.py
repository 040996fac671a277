"""Where things may lie: what is under version control, folder by folder."""

import subprocess

from tests.architecture.sources import ROOT

FOLDERS = {".ci", ".github", "k8s", "services", "shared", "tests", "training"}
MADE = (".png", ".csv", ".db", ".onnx", ".parquet", ".pyc", ".log")
MEANT = {"services/ui/src/ui/static/favicon.png", "training/src/vigie_training/sample_tweets.csv"}


def kept() -> list[str]:
    """Every file under version control."""
    command = ["git", "-C", str(ROOT), "ls-files"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_every_folder_at_the_top_is_one_that_the_customer_fixed() -> None:
    assert {name.partition("/")[0] for name in kept() if "/" in name} == FOLDERS


def test_nothing_that_a_program_makes_is_kept() -> None:
    assert {name for name in kept() if name.endswith(MADE)} <= MEANT
