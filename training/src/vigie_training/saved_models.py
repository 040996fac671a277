"""Finds the SavedModel that a setting names: a folder, or a URL of its archive as TensorFlow Hub serves it."""

import hashlib
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from urllib.error import URLError

from vigie_training.errors import TrainingError

FOLDER = "saved-models"
TIMEOUT_SECONDS = 60.0


def saved_model_folder(place: str, home: Path) -> Path:
    """Where it lies; what a URL gave is kept under `home`. Raises `TrainingError` when there is none."""
    if place.startswith(("http://", "https://")):
        kept = home / FOLDER / hashlib.sha256(place.encode()).hexdigest()[:32]
        if not kept.exists():
            _fetch(place, kept)
        return kept
    if not (Path(place) / "saved_model.pb").is_file():
        raise TrainingError(f"VIGIE_SENTENCE_ENCODER: expected a folder with saved_model.pb or a URL, got {place!r}")
    return Path(place)


def _fetch(url: str, folder: Path) -> None:
    """Into its place at once and whole: an interrupted download leaves nothing there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as fetching:
        try:
            with (
                urllib.request.urlopen(f"{url}?tf-hub-format=compressed", timeout=TIMEOUT_SECONDS) as reply,  # noqa: S310 - http(s) only, see above
                tarfile.open(fileobj=reply, mode="r|gz") as archive,
            ):
                archive.extractall(Path(fetching) / "model", filter="data")
        except (URLError, OSError, tarfile.TarError) as error:
            raise TrainingError(
                f"VIGIE_SENTENCE_ENCODER: expected a .tar.gz of a SavedModel at {url!r}: {error}"
            ) from error
        (Path(fetching) / "model").rename(folder)
