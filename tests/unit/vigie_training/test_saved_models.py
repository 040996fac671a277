"""Where a SavedModel comes from: a folder, or an archive behind a URL, which is fetched once."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.peers import Peer
from vigie_training.errors import TrainingError
from vigie_training.saved_models import saved_model_folder


def archive(*names: str) -> bytes:
    """A `.tar.gz` with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name in names:
            part = tarfile.TarInfo(name)
            part.size = 3
            file.addfile(part, io.BytesIO(b"abc"))
    return packed.getvalue()


class Hub:
    """Answers with archives, and counts how often."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def give(self, request: Request) -> Response:
        """`/sound`, `/hostile`, or rubbish."""
        self.asked.append(f"{request.url.path}?{request.url.query}")
        parts = {"/sound": archive("./saved_model.pb", "./variables/x"), "/hostile": archive("../../outside")}
        return Response(parts.get(request.url.path, b"rubbish"), media_type="application/gzip")


@pytest.fixture
def hub() -> Iterator[tuple[Hub, str]]:
    """A hub and its URL."""
    hub = Hub()
    with Peer(Starlette(routes=[Route("/{name}", hub.give)])) as peer:
        yield hub, peer.url


def test_an_archive_is_fetched_once(hub: tuple[Hub, str], tmp_path: Path) -> None:
    behind, url = hub
    folder = saved_model_folder(f"{url}/sound", tmp_path)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["saved_model.pb", "x"]
    assert saved_model_folder(f"{url}/sound", tmp_path) == folder
    assert behind.asked == ["/sound?tf-hub-format=compressed"]


@pytest.mark.parametrize("name", ["rubbish", "hostile"])
def test_what_is_no_archive_or_reaches_out_leaves_nothing_behind(
    hub: tuple[Hub, str], tmp_path: Path, name: str
) -> None:
    with pytest.raises(TrainingError, match=r"VIGIE_SENTENCE_ENCODER: expected a \.tar\.gz of a SavedModel"):
        saved_model_folder(f"{hub[1]}/{name}", tmp_path / "home")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_without_a_saved_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"expected a folder with saved_model\.pb or a URL, got"):
        saved_model_folder(str(tmp_path), tmp_path)
