"""Versions on disk, by content: `<root>/<digest of the manifest>/`, and a pointer file that names the last good ones.

A folder gets its name only when its checksums were right; the pointer changes atomically. One process owns a root.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vigie.artifacts import ArtifactError, digest, verify
from vigie.registry import Version

KEPT_VERSIONS = 2
POINTER = "good.json"

_INCOMING = "incoming-"
_LOG = logging.getLogger(__name__)


class GoodVersion(BaseModel):
    """A version that served, followed by `alias`, and where its artefact is."""

    model_config = ConfigDict(frozen=True)

    version: Version
    alias: str
    digest: str


class GoodVersions(BaseModel):
    """The pointer file: newest first."""

    versions: list[GoodVersion] = []


class ModelCache:
    """The cache of one family; every folder it hands out has been compared with its manifest just before."""

    def __init__(self, root: Path, *, family: str) -> None:
        self._root = root
        self._family = family

    def clean(self) -> None:
        """Makes the folder and removes what a process that died left half downloaded."""
        self._root.mkdir(parents=True, exist_ok=True)
        for left in self._root.glob(f"{_INCOMING}*"):
            shutil.rmtree(left)

    def find(self, version: Version) -> Path | None:
        """The folder of a good version; null when there is none or what is there is damaged."""
        return next((self._sound(good) for good in self._read().versions if good.version == version), None)

    def last_good(self, alias: str) -> list[tuple[Version, Path]]:
        """What served for this alias, newest first, without what is damaged."""
        found = [(good.version, self._sound(good)) for good in self._read().versions if good.alias == alias]
        return [(version, folder) for version, folder in found if folder]

    def receive(self, download: Callable[[Path], None]) -> Path:
        """Lets `download` fill a folder, verifies it and moves it to its place; raises what these two do."""
        self._root.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._root))
        try:
            download(incoming)
            verify(incoming, family=self._family)
            folder = self._root / digest(incoming)
            if folder.exists():
                shutil.rmtree(folder)
            return incoming.rename(folder)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def keep(self, version: Version, folder: Path, *, alias: str) -> None:
        """Notes that this version serves now, and deletes all folders but those of the last good ones."""
        new = GoodVersion(version=version, alias=alias, digest=folder.name)
        older = [good for good in self._read().versions if good.version != version]
        self._write(GoodVersions(versions=[new, *older][:KEPT_VERSIONS]))
        self.prune()

    def prune(self) -> None:
        """Deletes every folder that the pointer does not name."""
        kept = {good.digest for good in self._read().versions}
        for folder in self._root.iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder)

    def _sound(self, good: GoodVersion) -> Path | None:
        folder = self._root / good.digest
        try:
            verify(folder, family=self._family)
        except (ArtifactError, OSError) as error:
            _LOG.warning(
                "damaged in the cache",
                extra={"version": good.version.number, "digest": good.digest, "error": str(error)},
            )
            return None
        return folder if digest(folder) == good.digest else None

    def _read(self) -> GoodVersions:
        try:
            return GoodVersions.model_validate_json((self._root / POINTER).read_bytes())
        except FileNotFoundError:
            return GoodVersions()
        except (OSError, ValidationError) as error:
            _LOG.warning("the cache's pointer cannot be read", extra={"error": str(error)})
            return GoodVersions()

    def _write(self, versions: GoodVersions) -> None:
        new = self._root / f"{POINTER}.new"
        with new.open("w", encoding="utf-8") as file:
            file.write(versions.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._root / POINTER)
