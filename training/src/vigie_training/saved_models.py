"""Finds the SavedModel that a setting names: a folder, or a URL of its archive as TensorFlow Hub serves it."""

import hashlib
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

from vigie.settings import without_log_in
from vigie_training.errors import TrainingError

FOLDER = "saved-models"
GRAPH = "saved_model.pb"
TIMEOUT_SECONDS = 60.0
_REMOTE = ("http://", "https://")


def saved_model_folder(place: str, home: Path) -> Path:
    """Where it lies; what a URL gave is kept under `home`. Raises `TrainingError` when there is none."""
    if place.startswith(_REMOTE):
        kept = home / FOLDER / hashlib.sha256(place.encode()).hexdigest()[:32]
        if not kept.exists():
            _fetch(place, kept)
        return kept
    if not (Path(place) / GRAPH).is_file():
        raise TrainingError(f"VIGIE_SENTENCE_ENCODER: expected a folder with {GRAPH} or a URL, got {place!r}")
    return Path(place)


def as_shown(place: str) -> str:
    """The place as people may see it: a log-in and a query, which may be signed, are left out of a URL."""
    if not place.startswith(_REMOTE):
        return place
    return urlsplit(without_log_in(place))._replace(query="", fragment="").geturl()


def _fetch(url: str, folder: Path) -> None:
    """Into its place at once and whole: an interrupted download leaves nothing there."""
    asked = url if urlsplit(url).query else f"{url}?tf-hub-format=compressed"  # a query may be signed
    expected = f"VIGIE_SENTENCE_ENCODER: expected a .tar.gz of a SavedModel at {as_shown(url)!r}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as fetching:
        found = Path(fetching) / "model"
        try:
            with (
                urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as reply,  # noqa: S310 - http(s) only, see above
                tarfile.open(fileobj=reply, mode="r|gz") as archive,
            ):
                archive.extractall(found, filter="data")
        except (URLError, OSError, tarfile.TarError) as error:
            raise TrainingError(f"{expected}: {error}") from error
        if not (found / GRAPH).is_file():
            raise TrainingError(f"{expected}: it has no {GRAPH} at its top")
        try:
            found.rename(folder)
        except OSError:
            if not folder.exists():  # else another training was faster
                raise
