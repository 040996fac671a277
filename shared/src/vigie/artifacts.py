"""Model artefacts: a folder with a manifest that names and checksums every file, and golden rows that prove it works.

Loading an artefact must never execute code that came with it: see the predictors' loaders.
"""

import hashlib
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MANIFEST = "manifest.json"
GOLDEN = "golden.json"
FORMAT_VERSION = 1
GOLDEN_TOLERANCE = 1e-4
WIDEST_TOLERANCE = 0.1  # with more, golden rows would prove nothing


class ArtifactError(Exception):
    """An artefact that must not be served; the message names the file and what is wrong."""


class Part(BaseModel):
    """One file of an artefact."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    size: int = Field(ge=0)


class GoldenRow(BaseModel):
    """A text and the probability of `negative` that the model gave when it was made."""

    model_config = ConfigDict(frozen=True)

    text: str
    probability_negative: float


class Manifest(BaseModel):
    """What an artefact is: `libraries` wrote it; `metrics` are from rows that nothing was fitted on."""

    model_config = ConfigDict(frozen=True)

    format_version: int = FORMAT_VERSION
    family: str
    created_at: datetime
    labels: list[str] = ["negative", "positive"]
    golden_tolerance: float = Field(GOLDEN_TOLERANCE, ge=0, le=WIDEST_TOLERANCE)
    libraries: dict[str, str] = {}
    metrics: dict[str, float] = {}
    files: dict[str, Part]


class GoldenRows(BaseModel):
    """The content of `golden.json`."""

    rows: list[GoldenRow]


def seal(
    directory: Path,
    *,
    family: str,
    created_at: datetime,
    golden: list[GoldenRow],
    libraries: dict[str, str],
    metrics: dict[str, float],
    golden_tolerance: float = GOLDEN_TOLERANCE,
) -> Manifest:
    """Writes `golden.json` and, last, `manifest.json` over every file in `directory`."""
    (directory / GOLDEN).write_text(GoldenRows(rows=golden).model_dump_json(indent=1), encoding="utf-8")
    files = {name: _part(directory / name) for name in _names(directory)}
    manifest = Manifest(
        family=family,
        created_at=created_at,
        golden_tolerance=golden_tolerance,
        libraries=libraries,
        metrics=metrics,
        files=files,
    )
    (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest


def verify(directory: Path, *, family: str) -> Manifest:
    """The manifest, once every file has been compared with it; raises `ArtifactError` at the first difference."""
    manifest = _read_manifest(directory)
    if manifest.format_version != FORMAT_VERSION:
        raise ArtifactError(f"{MANIFEST}: expected format_version {FORMAT_VERSION}, got {manifest.format_version}")
    if manifest.family != family:
        raise ArtifactError(f"{MANIFEST}: expected family {family!r}, got {manifest.family!r}")
    if manifest.labels != ["negative", "positive"]:
        raise ArtifactError(f"{MANIFEST}: expected labels ['negative', 'positive'], got {manifest.labels!r}")
    present = set(_names(directory))
    if present != set(manifest.files):
        missing, extra = set(manifest.files) - present, present - set(manifest.files)
        raise ArtifactError(f"{MANIFEST}: files missing {sorted(missing)!r}, not listed {sorted(extra)!r}")
    for name, expected in manifest.files.items():
        actual = _part(directory / name)
        if actual != expected:
            raise ArtifactError(
                f"{name}: expected sha256 {expected.sha256} ({expected.size} bytes), got {actual.sha256}"
            )
    return manifest


def digest(directory: Path) -> str:
    """The artefact's content address: the SHA-256 of its manifest, in hexadecimal."""
    return hashlib.sha256((directory / MANIFEST).read_bytes()).hexdigest()


def golden_rows(directory: Path) -> list[GoldenRow]:
    """The rows a loaded model must reproduce; raises `ArtifactError` when there are none."""
    try:
        rows = GoldenRows.model_validate_json((directory / GOLDEN).read_bytes()).rows
    except (OSError, ValidationError) as error:
        raise ArtifactError(f"{GOLDEN}: expected rows of text and probability_negative: {error}") from error
    if not rows:
        raise ArtifactError(f"{GOLDEN}: expected at least one row, got none")
    return rows


def _read_manifest(directory: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((directory / MANIFEST).read_bytes())
    except OSError as error:
        raise ArtifactError(f"{MANIFEST}: cannot be read: {error}") from error
    except ValidationError as error:
        raise ArtifactError(f"{MANIFEST}: not a manifest: {error}") from error


def _names(directory: Path) -> list[str]:
    """Relative paths of all files but the manifest; a link is an error: it could point out of the folder."""
    names = []
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            raise ArtifactError(f"{path.relative_to(directory)}: links are not allowed in an artefact")
        if path.is_file() and path != directory / MANIFEST:
            names.append(path.relative_to(directory).as_posix())
    return names


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(sha256=hashlib.file_digest(file, "sha256").hexdigest(), size=path.stat().st_size)
