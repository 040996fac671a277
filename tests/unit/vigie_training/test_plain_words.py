"""What the command line says of what went wrong."""

import errno
import os
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import DatabaseError

from vigie.artifacts import ArtifactError
from vigie_training.errors import TrainingError
from vigie_training.plain_words import in_plain_words


def test_our_own_errors_are_said_as_they_are() -> None:
    assert in_plain_words(TrainingError("expected rows, got none")) == "expected rows, got none"
    assert in_plain_words(ArtifactError("manifest.json: cannot be read")) == "manifest.json: cannot be read"


def test_a_library_that_a_recipe_lacks_is_named_with_the_way_to_get_it() -> None:
    said = in_plain_words(ModuleNotFoundError("No module named 'gensim'"))
    assert said == "No module named 'gensim': `make train MODEL=<family>` installs what a family's recipe needs"


def test_a_full_disk_is_named_however_deep_it_is_buried() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/vigie/encoder.onnx")
        except OSError as error:
            raise RuntimeError("unexpected pos 64 vs 0") from error
    except RuntimeError as error:
        said = in_plain_words(error)
    assert said
    assert said.startswith("the disk that /var/vigie/encoder.onnx is on is full: make room (VIGIE_HOME, TMPDIR)")
    registry = in_plain_words(MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT"))
    assert registry
    assert registry.startswith("the disk is full")
    assert "SQL" not in registry


def test_what_the_registry_says_is_one_line() -> None:
    error = MlflowException("API request to http://h/api failed with code 503\nand a page of HTML")
    assert in_plain_words(error) == (
        "MLFLOW_TRACKING_URI: the registry did not do what was asked: API request to http://h/api failed with code 503"
    )


def test_a_file_that_is_no_database_is_the_registry_s_trouble() -> None:
    said = in_plain_words(DatabaseError(None, None, ValueError("file is not a database")))
    assert said
    assert said.startswith("MLFLOW_TRACKING_URI: the registry did not do what was asked: ")
    assert "file is not a database" in said


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_place_that_may_not_be_written_is_named(number: int, tmp_path: Path) -> None:
    said = in_plain_words(OSError(number, os.strerror(number), str(tmp_path)))
    assert said
    assert said.startswith(f"{tmp_path}: expected a file or folder that may be read and written here")


def test_a_mistake_of_our_own_keeps_its_traceback() -> None:
    assert in_plain_words(ValueError("shapes do not match")) is None
    assert in_plain_words(FileNotFoundError(errno.ENOENT, "no such file", "x")) is None
