"""Where a SavedModel comes from: a folder, or an archive behind a URL, which is fetched once."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.peers import Peer
from tests.support.servers import free_port
from vigie_training.errors import TrainingError
from vigie_training.saved_models import as_shown, saved_model_folder


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
    """Answers with archives, and counts how often; `meanwhile` happens before each answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.meanwhile: Callable[[], object] = list

    async def give(self, request: Request) -> Response:
        """`/sound`, `/hostile`, one with its folder around it, or rubbish."""
        self.asked.append(f"{request.url.path}?{request.url.query}")
        parts = {
            "/sound": archive("./saved_model.pb", "./variables/x"),
            "/hostile": archive("../../outside"),
            "/packed": archive("model/saved_model.pb"),
        }
        await run_in_threadpool(self.meanwhile)
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


def test_a_link_that_is_signed_is_asked_as_it_is(hub: tuple[Hub, str], tmp_path: Path) -> None:
    behind, url = hub
    saved_model_folder(f"{url}/sound?X-Amz-Signature=1", tmp_path)
    assert behind.asked == ["/sound?X-Amz-Signature=1"]


def test_two_trainings_at_once_fetch_one_archive(hub: tuple[Hub, str], tmp_path: Path) -> None:
    behind, url = hub

    def another() -> None:
        behind.meanwhile = list
        saved_model_folder(f"{url}/sound", tmp_path)

    behind.meanwhile = another
    folder = saved_model_folder(f"{url}/sound", tmp_path)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_neither_a_log_in_nor_a_signature_is_shown(tmp_path: Path) -> None:
    asked = f"127.0.0.1:{free_port()}/encoder.tar.gz"
    with pytest.raises(TrainingError, match=f"SavedModel at 'http://{asked}': ") as error:
        saved_model_folder(f"http://ada:s3cret@{asked}?X-Amz-Signature=s1gned", tmp_path)
    assert "s3cret" not in str(error.value)
    assert "s1gned" not in str(error.value)
    assert as_shown("models/a?b#c") == "models/a?b#c", "a folder is called as it is"


@pytest.mark.parametrize("name", ["rubbish", "hostile", "packed"])
def test_what_is_no_archive_or_reaches_out_leaves_nothing_behind(
    hub: tuple[Hub, str], tmp_path: Path, name: str
) -> None:
    with pytest.raises(TrainingError, match=r"VIGIE_SENTENCE_ENCODER: expected a \.tar\.gz of a SavedModel"):
        saved_model_folder(f"{hub[1]}/{name}", tmp_path / "home")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_without_a_saved_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"expected a folder with saved_model\.pb or a URL, got"):
        saved_model_folder(str(tmp_path), tmp_path)
