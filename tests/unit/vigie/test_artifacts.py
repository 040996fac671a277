"""Artefacts: what was sealed verifies; whatever differs is named."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigie.artifacts import GOLDEN, MANIFEST, ArtifactError, GoldenRow, digest, golden_rows, seal, verify


def sealed(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(b"\1\2\3")
    (folder / "part").mkdir(exist_ok=True)
    (folder / "part" / "words.txt").write_text("bon vol", encoding="utf-8")
    seal(
        folder,
        family="logreg",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        golden=[GoldenRow(text="great flight", probability_negative=0.1)],
        libraries={"numpy": "2"},
        metrics={"accuracy": 0.8},
    )
    return folder


def test_a_sealed_folder_verifies_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "a")
    manifest = verify(folder, family="logreg")
    assert set(manifest.files) == {"weights.bin", "part/words.txt", GOLDEN}
    assert manifest.metrics == {"accuracy": 0.8}
    assert golden_rows(folder)[0].text == "great flight"


def test_the_content_address_depends_on_the_content_alone(tmp_path: Path) -> None:
    first, second = sealed(tmp_path / "a"), sealed(tmp_path / "b")
    assert digest(first) == digest(second)
    (second / "weights.bin").write_bytes(b"\1\2\4")
    sealed(second)
    (second / "weights.bin").write_bytes(b"other")
    seal(second, family="logreg", created_at=datetime(2026, 1, 1, tzinfo=UTC), golden=[], libraries={}, metrics={})
    assert digest(first) != digest(second)


def flip(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"\1\2\4")


def remove(folder: Path) -> None:
    (folder / "part" / "words.txt").unlink()


def add(folder: Path) -> None:
    (folder / "extra.py").write_text("print('hello')", encoding="utf-8")


def link(folder: Path) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")


def unseal(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def scribble(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"family": 1}', encoding="utf-8")


def swap_labels(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    swapped = text.replace('"negative",\n  "positive"', '"positive",\n  "negative"')
    assert swapped != text
    (folder / MANIFEST).write_text(swapped, encoding="utf-8")


def future(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace('"format_version": 1', '"format_version": 2'), encoding="utf-8")


def allow_anything(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    lied = text.replace('"golden_tolerance": 0.0001', '"golden_tolerance": 1.0')
    assert lied != text
    (folder / MANIFEST).write_text(lied, encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (flip, "weights.bin: expected sha256"),
        (remove, r"files missing \['part/words.txt'\]"),
        (add, r"not listed \['extra.py'\]"),
        (link, "passwd: links are not allowed"),
        (unseal, "manifest.json: cannot be read"),
        (scribble, "manifest.json: not a manifest"),
        (swap_labels, "expected labels"),
        (future, "expected format_version 1, got 2"),
        (allow_anything, r"not a manifest: (.|\n)*golden_tolerance(.|\n)*less than or equal to 0\.1"),
    ],
)
def test_whatever_differs_is_named(tmp_path: Path, damage: Callable[[Path], None], complaint: str) -> None:
    folder = sealed(tmp_path / "a")
    damage(folder)
    with pytest.raises(ArtifactError, match=complaint):
        verify(folder, family="logreg")


def test_another_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="expected family 'forest', got 'logreg'"):
        verify(sealed(tmp_path / "a"), family="forest")


def test_a_model_without_golden_rows_is_refused(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "a")
    (folder / GOLDEN).write_text('{"rows": []}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="expected at least one row"):
        golden_rows(folder)
    (folder / GOLDEN).unlink()
    with pytest.raises(ArtifactError, match="expected rows of text"):
        golden_rows(folder)
