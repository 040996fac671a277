"""Where artefacts are written to."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigie.artifacts import GoldenRow, seal, verify
from vigie_training import reporting
from vigie_training.errors import TrainingError

OTHER_FILES = "expected an artefact to replace or an empty folder, got one with other files"


def artefact(folder: Path, *names: str) -> Path:
    """A sealed one with these files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    golden = [GoldenRow(text="late again", probability_negative=0.9)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    seal(folder, family="lightgbm", created_at=now, golden=golden, libraries={}, metrics={})
    return folder


def test_an_artefact_takes_the_place_of_an_older_one_with_other_files(tmp_path: Path) -> None:
    older = artefact(tmp_path / "older", "booster.txt", "temperatures.json", "saved_model/saved_model.pb")
    newer = artefact(tmp_path / "newer", "booster.txt", "encoder.onnx")
    out = tmp_path / "out"
    for made in (older, newer):
        reporting.put(made, out / "lightgbm")
        assert verify(out / "lightgbm", family="lightgbm") == verify(made, family="lightgbm")
    assert [each.name for each in out.iterdir()] == ["lightgbm"]


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    target = artefact(tmp_path / "disk" / "older", "temperatures.json")
    (tmp_path / "lightgbm").symlink_to(target)
    reporting.put(artefact(tmp_path / "newer", "booster.txt"), tmp_path / "lightgbm")
    assert (tmp_path / "lightgbm").is_symlink()
    assert set(verify(target, family="lightgbm").files) == {"booster.txt", "golden.json"}


def test_what_cannot_be_copied_leaves_the_older_one(tmp_path: Path) -> None:
    place = artefact(tmp_path / "out" / "lightgbm", "booster.txt")
    newer = artefact(tmp_path / "newer", "encoder.onnx")
    (newer / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(shutil.Error):
        reporting.put(newer, place)
    assert "booster.txt" in verify(place, family="lightgbm").files
    assert [each.name for each in place.parent.iterdir()] == ["lightgbm"]


def test_what_is_told_to_stop_between_old_and_new_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = artefact(tmp_path / "out" / "lightgbm", "booster.txt")
    newer = artefact(tmp_path / "newer", "encoder.onnx")
    move, told = Path.rename, list[Path]()

    def stopped(self: Path, target: Path) -> Path:
        told.append(self)
        if len(told) == 2:
            raise SystemExit(143)
        return move(self, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(SystemExit):
        reporting.put(newer, place)
    assert "booster.txt" in verify(place, family="lightgbm").files
    assert [each.name for each in place.parent.iterdir()] == ["lightgbm"]


@pytest.mark.parametrize("name", ["thesis.txt", "saved_model/thesis.txt"])
def test_nor_are_those_that_lie_beside_an_artefact(tmp_path: Path, name: str) -> None:
    place = artefact(tmp_path / "lightgbm", "booster.txt", "saved_model/saved_model.pb")
    (place / name).write_text("years of work")
    with pytest.raises(TrainingError, match=f"{OTHER_FILES}: '{name}'"):
        reporting.put(artefact(tmp_path / "newer", "booster.txt"), place)
    assert (place / name).exists()


def test_an_empty_folder_is_no_work_of_anybody(tmp_path: Path) -> None:
    """TensorFlow leaves one in a saved model."""
    place = artefact(tmp_path / "lightgbm", "saved_model/saved_model.pb")
    (place / "saved_model" / "assets").mkdir()
    reporting.put(artefact(tmp_path / "newer", "booster.txt"), place)
    assert "booster.txt" in verify(place, family="lightgbm").files


@pytest.mark.parametrize("name", ["thesis.txt", "manifest.json"])
def test_other_files_are_not_replaced(tmp_path: Path, name: str) -> None:
    """Also not those of a web application, whose manifest has that name too."""
    (tmp_path / name).write_text('{"name": "years of work"}')
    with pytest.raises(TrainingError, match=OTHER_FILES):
        reporting.make_place(tmp_path)
    with pytest.raises(TrainingError, match=OTHER_FILES):
        reporting.put(artefact(tmp_path.parent / "newer", "booster.txt"), tmp_path)
    assert (tmp_path / name).read_text() == '{"name": "years of work"}'
