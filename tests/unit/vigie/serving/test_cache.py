"""Versions on disk: what is handed out is whole, what is kept is the last good."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.support.models import WEIGHTS, make_tiny
from vigie.artifacts import ArtifactError, digest
from vigie.registry import RegistryUnavailable, Version
from vigie.serving.cache import POINTER, ModelCache


def version(number: int) -> Version:
    return Version(model="vigie-logreg", number=str(number), source=f"models:/m-{number}")


def cache(folder: Path) -> ModelCache:
    return ModelCache(folder / "cache", family="logreg")


def receive(folder: Path, number: int, *, alias: str = "champion") -> Path:
    """A version comes in and is good."""
    made = make_tiny(folder / f"made-{number}", factor=number)
    subject = cache(folder)
    kept = subject.receive(lambda to: copy_into(made, to))
    subject.keep(version(number), kept, alias=alias)
    return kept


def copy_into(source: Path, destination: Path) -> None:
    shutil.copytree(source, destination, dirs_exist_ok=True)


def test_a_version_is_found_by_number_and_source_under_its_digest(tmp_path: Path) -> None:
    kept = receive(tmp_path, 1)
    assert kept.name == digest(kept)
    assert cache(tmp_path).find(version(1)) == kept
    assert cache(tmp_path).find(Version(model="vigie-logreg", number="1", source="models:/m-other")) is None
    assert cache(tmp_path).find(version(2)) is None


def test_the_last_two_good_versions_are_kept_newest_first(tmp_path: Path) -> None:
    kept = [receive(tmp_path, number) for number in (1, 2, 3)]
    assert cache(tmp_path).last_good("champion") == [(version(3), kept[2]), (version(2), kept[1])]
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {POINTER, kept[1].name, kept[2].name}
    cache(tmp_path).keep(version(2), kept[1], alias="champion")
    assert [found for found, _ in cache(tmp_path).last_good("champion")] == [version(2), version(3)]


def test_a_version_that_served_for_another_alias_is_not_the_last_good(tmp_path: Path) -> None:
    receive(tmp_path, 1)
    assert cache(tmp_path).last_good("challenger") == []


@pytest.mark.parametrize("damage", ["changed", "missing", "extra", "manifest"])
def test_a_damaged_version_is_not_handed_out_and_can_come_again(tmp_path: Path, damage: str) -> None:
    kept = receive(tmp_path, 1)
    if damage == "changed":
        (kept / WEIGHTS).write_text("{}")
    elif damage == "missing":
        (kept / WEIGHTS).unlink()
    elif damage == "extra":
        (kept / "more").touch()
    else:
        (kept / "manifest.json").unlink()
    assert cache(tmp_path).find(version(1)) is None
    assert cache(tmp_path).last_good("champion") == []
    assert cache(tmp_path).receive(partial(copy_into, tmp_path / "made-1")) == kept
    assert cache(tmp_path).find(version(1)) == kept


def test_an_artefact_swapped_for_another_whole_one_is_not_handed_out(tmp_path: Path) -> None:
    kept, other = receive(tmp_path, 1), make_tiny(tmp_path / "other", factor=50)
    shutil.rmtree(kept)
    other.rename(kept)
    assert cache(tmp_path).find(version(1)) is None


def test_what_does_not_verify_or_arrive_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken(destination: Path) -> None:
        copy_into(make_tiny(tmp_path / "broken"), destination)
        (destination / WEIGHTS).write_text("{}")

    def gone(destination: Path) -> None:
        (destination / "half").touch()
        raise RegistryUnavailable("gone")

    with pytest.raises(ArtifactError, match="expected sha256"):
        cache(tmp_path).receive(broken)
    with pytest.raises(RegistryUnavailable):
        cache(tmp_path).receive(gone)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_process_that_died_left_is_cleaned(tmp_path: Path) -> None:
    kept = receive(tmp_path, 1)
    (tmp_path / "cache" / "incoming-x" / "deep").mkdir(parents=True)
    cache(tmp_path).clean()
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {POINTER, kept.name}


def test_a_pointer_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    receive(tmp_path, 1)
    (tmp_path / "cache" / POINTER).write_text('{"versions": [')
    assert cache(tmp_path).last_good("champion") == []
    receive(tmp_path, 2)
    assert [found for found, _ in cache(tmp_path).last_good("champion")] == [version(2)]


def test_a_pointer_that_cannot_be_opened_right_now_costs_no_version(tmp_path: Path) -> None:
    kept = receive(tmp_path, 1)
    pointer = tmp_path / "cache" / POINTER
    pointer.rename(tmp_path / "aside")
    pointer.mkdir()
    with pytest.raises(OSError, match="directory"):
        cache(tmp_path).prune()
    pointer.rmdir()
    (tmp_path / "aside").rename(pointer)
    assert cache(tmp_path).find(version(1)) == kept


def test_of_two_processes_neither_deletes_what_the_other_one_receives_or_loads(tmp_path: Path) -> None:
    made, other = make_tiny(tmp_path / "made", factor=1), cache(tmp_path)

    def interrupted(destination: Path) -> None:
        copy_into(made, destination)
        receive(tmp_path, 2)
        cache(tmp_path).clean()

    loading = other.receive(interrupted)
    receive(tmp_path, 3)
    assert digest(loading) == loading.name
    other.keep(version(1), loading, alias="champion")
    receive(tmp_path, 4)
    receive(tmp_path, 5)
    assert not loading.exists()


def test_what_another_process_put_there_is_used_and_not_replaced(tmp_path: Path) -> None:
    kept = receive(tmp_path, 1)
    before = kept.stat().st_ino
    assert cache(tmp_path).receive(partial(copy_into, tmp_path / "made-1")) == kept
    assert kept.stat().st_ino == before
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {POINTER, kept.name}


def test_a_version_that_two_processes_receive_at_a_time_is_whole_for_both(tmp_path: Path) -> None:
    made, found = make_tiny(tmp_path / "made"), []

    def overtaken(destination: Path) -> None:
        copy_into(made, destination)
        found.append(cache(tmp_path).receive(partial(copy_into, made)))

    assert [cache(tmp_path).receive(overtaken)] == found
    assert digest(found[0]) == found[0].name
    assert [*(tmp_path / "cache").iterdir()] == found


def test_a_version_that_left_the_pointer_while_another_process_loads_it_stays(tmp_path: Path) -> None:
    kept, other = receive(tmp_path, 1), cache(tmp_path)
    assert other.find(version(1)) == kept
    for number in (2, 3, 4):
        receive(tmp_path, number)
    assert other.whole(kept.name) == kept
