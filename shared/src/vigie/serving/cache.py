"""Versions on disk, by content: `<root>/<digest of the manifest>/`, and a pointer file that names the last good ones.

A folder gets its name only when its checksums were right; the pointer changes atomically. Processes may share a root:
each locks the folders that it fills or loads (`flock`, which ends with the process), and nobody deletes a locked one.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    """The cache of one family; every folder it hands out has been compared with its manifest just before.

    What it handed out stays in place until it is told what to keep: then only what the pointer names does.
    """

    def __init__(self, root: Path, *, family: str) -> None:
        self._root = root
        self._family = family
        self._held: dict[Path, int] = {}

    def clean(self) -> None:
        """Makes the folder and removes what a process that died left half downloaded."""
        self._root.mkdir(parents=True, exist_ok=True)
        for left in self._root.glob(f"{_INCOMING}*"):
            _delete_unless_locked(left)

    def find(self, version: Version) -> Path | None:
        """The folder of a good version; null when there is none or what is there is damaged."""
        return next((self.whole(good.digest) for good in self._read().versions if good.version == version), None)

    def last_good(self, alias: str) -> list[tuple[Version, Path]]:
        """What served for this alias, newest first, without what is damaged."""
        found = [(good.version, self.whole(good.digest)) for good in self._read().versions if good.alias == alias]
        return [(version, folder) for version, folder in found if folder]

    def whole(self, name: str) -> Path | None:
        """The folder of that digest; null when it is gone or damaged."""
        folder = self._root / name
        try:
            self._hold(folder)
            verify(folder, family=self._family)
            found = digest(folder)
        except (ArtifactError, OSError) as error:
            _LOG.warning("damaged in the cache", extra={"digest": name, "error": str(error)})
            return None
        return folder if found == name else None

    def receive(self, download: Callable[[Path], None]) -> Path:
        """Lets `download` fill a folder, verifies it and moves it to its place, unless the same is there already.

        Raises what the first two do.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._root))
        try:
            self._hold(incoming)
            download(incoming)
            verify(incoming, family=self._family)
            return self._placed(incoming)
        finally:
            self._let_go(incoming)
            shutil.rmtree(incoming, ignore_errors=True)

    def keep(self, version: Version, folder: Path, *, alias: str) -> None:
        """Notes that this version serves now, and deletes all folders but those of the last good ones."""
        new = GoodVersion(version=version, alias=alias, digest=folder.name)
        with _locked(self._root):
            older = [good for good in self._read(strictly=True).versions if good.version != version]
            self._write(GoodVersions(versions=[new, *older][:KEPT_VERSIONS]))
        self.prune()

    def prune(self) -> None:
        """Deletes every folder that the pointer does not name and that no other process fills or loads."""
        for held in [*self._held]:
            self._let_go(held)
        kept = {good.digest for good in self._read(strictly=True).versions}
        for folder in self._root.iterdir():
            if folder.name not in kept and folder.is_dir():
                _delete_unless_locked(folder)

    def _placed(self, incoming: Path) -> Path:
        folder = self._root / digest(incoming)
        if folder.exists() and (found := self.whole(folder.name)):
            return found
        self._let_go(folder)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            incoming.rename(folder)
        except OSError:
            if found := self.whole(folder.name):  # another process was quicker
                return found
            raise
        self._held[folder] = self._held.pop(incoming)  # the lock went with the folder
        return folder

    def _hold(self, folder: Path) -> None:
        """Locks a folder; waits for the one who deletes it just now, and raises `OSError` when it is gone."""
        if folder in self._held:
            if os.path.samestat(os.fstat(self._held[folder]), folder.stat()):
                return
            self._let_go(folder)
        self._held[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        _lock(self._held[folder], fcntl.LOCK_SH)

    def _let_go(self, folder: Path) -> None:
        if folder in self._held:
            os.close(self._held.pop(folder))

    def _read(self, *, strictly: bool = False) -> GoodVersions:
        """What the pointer says, nothing when it cannot be read, but `strictly` that raises `OSError`: it may pass."""
        try:
            return GoodVersions.model_validate_json((self._root / POINTER).read_bytes())
        except FileNotFoundError:
            return GoodVersions()
        except (OSError, ValidationError) as error:
            if strictly and isinstance(error, OSError):
                raise
            _LOG.warning("the cache's pointer cannot be read", extra={"error": str(error)})
            return GoodVersions()

    def _write(self, versions: GoodVersions) -> None:
        new = self._root / f"{POINTER}.new"
        with new.open("w", encoding="utf-8") as file:
            file.write(versions.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._root / POINTER)


@contextmanager
def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Nobody else has locked this folder in the block."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(opened, how)
        yield
    finally:
        os.close(opened)


def _lock(opened: int, how: int) -> None:
    """Raises `BlockingIOError` as `how` says; where the file system has no locks there are none."""
    try:
        fcntl.flock(opened, how)
    except BlockingIOError:
        raise
    except OSError as error:
        _LOG.debug("the cache cannot be locked", extra={"error": str(error)})


def _delete_unless_locked(folder: Path) -> None:
    with suppress(BlockingIOError, FileNotFoundError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)
