"""The registry client against servers that answer badly, slowly or not at all."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest

from tests.support.models import make_tiny
from tests.support.servers import free_port
from vigie.artifacts import MANIFEST, ArtifactError, verify
from vigie.registry import ANSWER_BYTES, ARTIFACT_BYTES, MlflowRegistry, NoSuchAlias, RegistryUnavailable, Version

VERSION = Version(model="vigie-logreg", number="3", source="models:/m-3")
ALIAS = b'{"model_version": {"version": "3", "source": "models:/m-3", "status": "READY"}}'
PLACE = (200, b'{"artifact_uri": "mlflow-artifacts:/1/m-3/artifacts"}')
Replies = dict[str, tuple[int, bytes]]
Files = dict[str, dict[str, str | int]]


@contextmanager
def server(
    replies: Replies, *, hang: float = 0.0, authorization: str | None = None, drip: float = 0.0
) -> Iterator[str]:
    """A server that answers paths that end as given, everything else with 404.

    It may let a request hang first, or send one byte of the answer every `drip` seconds.
    """
    waiting = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            waiting.wait(hang)
            path = self.path.partition("?")[0]
            fallback = (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')
            status, body = next((reply for end, reply in replies.items() if path.endswith(end)), fallback)
            if self.headers.get("Authorization") != authorization:
                status, body = 401, b"who are you?"
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for part in [body[place : place + 1] for place in range(len(body))] if drip else [body]:
                    waiting.wait(drip)
                    self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        waiting.set()
        http.shutdown()
        thread.join()
        http.server_close()


def files_of(folder: Path) -> Replies:
    """Replies that serve an artefact through the proxy."""
    found = {f"/1/m-3/artifacts/artifacts/vigie/{path.name}": (200, path.read_bytes()) for path in folder.iterdir()}
    return {"get-download-uri": PLACE} | found


def offered(files: Files) -> AbstractContextManager[str]:
    """A server of an artefact whose manifest names these files."""
    manifest = json.dumps({"family": "logreg", "created_at": "2026-01-01T00:00:00Z", "files": files})
    return server({"get-download-uri": PLACE, MANIFEST: (200, manifest.encode())})


def test_an_alias_names_a_version_with_its_model_id() -> None:
    with server({"registered-models/alias": (200, ALIAS)}) as url:
        version = MlflowRegistry(url).resolve("vigie-logreg", "champion")
    assert version == VERSION
    assert version.model_id == "m-3"
    assert Version(model="vigie-logreg", number="3", source="runs:/abc/model").model_id is None


def test_a_login_in_the_address_is_sent_and_never_shown() -> None:
    with server({"registered-models/alias": (200, ALIAS)}, authorization="Basic dTpwIHc=") as url:
        address = url.replace("http://", "http://u:p%20w@")
        assert MlflowRegistry(address).resolve("vigie-logreg", "champion") == VERSION
        with pytest.raises(RegistryUnavailable, match="status 401") as refused:
            MlflowRegistry(address.replace("p%20w", "wrong")).resolve("vigie-logreg", "champion")
        assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("is_known", [True, False])
def test_only_the_tracking_server_is_sent_the_login(tmp_path: Path, is_known: bool) -> None:
    folder, copy, login = make_tiny(tmp_path / "made"), tmp_path / "copy", "Basic dTpwIHc="
    copy.mkdir()
    replies = files_of(folder)
    with server(replies, authorization=login) as url, server(replies) as other:
        named = (url if is_known else other).removeprefix("http://")
        place = json.dumps({"artifact_uri": f"mlflow-artifacts://{named}/1/m-3/artifacts"})
        replies["get-download-uri"] = (200, place.encode())
        MlflowRegistry(url.replace("http://", "http://u:p%20w@")).download(VERSION, copy)
    assert verify(copy, family="logreg")


@pytest.mark.parametrize(
    "reply",
    [
        (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model not found"}'),
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Registered model alias champion not found."}'),
    ],
)
def test_a_missing_model_or_alias_is_not_an_outage(reply: tuple[int, bytes]) -> None:
    with server({"registered-models/alias": reply}) as url, pytest.raises(NoSuchAlias, match="not found"):
        MlflowRegistry(url).resolve("vigie-logreg", "champion")


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        ((403, b"Invalid Host header"), "status 403: Invalid Host header"),
        ((500, b"{}"), "status 500"),
        ((200, b"<html>a proxy's page</html>"), "not MLflow's answer: <html>"),
        ((200, b'{"model_version": null}'), "not MLflow's answer"),
        ((404, b"nothing here"), "status 404"),
    ],
)
def test_an_answer_that_is_not_the_registrys_is_an_outage(reply: tuple[int, bytes], complaint: str) -> None:
    with server({"registered-models/alias": reply}) as url, pytest.raises(RegistryUnavailable, match=complaint):
        MlflowRegistry(url).resolve("vigie-logreg", "champion")


def test_a_server_that_is_not_there_is_an_outage_at_once() -> None:
    started = monotonic()
    with pytest.raises(RegistryUnavailable, match="refused"):
        MlflowRegistry(f"http://127.0.0.1:{free_port()}").resolve("vigie-logreg", "champion")
    assert monotonic() - started < 60, "with no pause before the second try"


def test_a_server_that_hangs_is_an_outage_after_the_timeout() -> None:
    started = monotonic()
    with server({}, hang=20) as url, pytest.raises(RegistryUnavailable, match="timed out"):
        MlflowRegistry(url, timeout_seconds=0.1).resolve("vigie-logreg", "champion")
    assert monotonic() - started < 5


def test_a_server_that_answers_drop_by_drop_is_an_outage_in_the_end() -> None:
    reply = (200, ALIAS + b" " * 1000)
    with server({"registered-models/alias": reply}, drip=0.05) as url, pytest.raises(RegistryUnavailable, match="rest"):
        MlflowRegistry(url, timeout_seconds=0.5).resolve("vigie-logreg", "champion")


def test_an_artefact_comes_through_the_proxy(tmp_path: Path) -> None:
    folder, copy = make_tiny(tmp_path / "made"), tmp_path / "copy"
    copy.mkdir()
    with server(files_of(folder)) as url:
        MlflowRegistry(f"{url}/").download(VERSION, copy)
    assert verify(copy, family="logreg")


def test_an_artefact_comes_from_a_disk(tmp_path: Path) -> None:
    make_tiny(tmp_path / "a store" / "artifacts" / "vigie")
    for place in ((tmp_path / "a store").as_uri(), str(tmp_path / "a store")):
        copy = tmp_path / place.partition(":")[0].strip("/").replace("/", "-")
        copy.mkdir()
        reply = (200, f'{{"artifact_uri": "{place}"}}'.encode())
        with server({"get-download-uri": reply}) as url:
            MlflowRegistry(url).download(VERSION, copy)
        assert verify(copy, family="logreg")
        (tmp_path / "a store" / "artifacts" / "vigie" / "golden.json").rename(tmp_path / "gone")
        with (
            server({"get-download-uri": reply}) as url,
            pytest.raises(ArtifactError, match=r"golden\.json: not in the"),
        ):
            MlflowRegistry(url).download(VERSION, copy)
        (tmp_path / "gone").rename(tmp_path / "a store" / "artifacts" / "vigie" / "golden.json")


@pytest.mark.parametrize("missing", ["manifest.json", "weights.json", "get-download-uri"])
def test_a_version_that_lacks_a_file_is_told_from_an_outage(tmp_path: Path, missing: str) -> None:
    replies = files_of(make_tiny(tmp_path / "made"))
    replies = {end: reply for end, reply in replies.items() if not end.endswith(missing)}
    (tmp_path / "copy").mkdir()
    with server(replies) as url, pytest.raises(ArtifactError):
        MlflowRegistry(url).download(VERSION, tmp_path / "copy")


def test_a_download_that_fails_on_the_way_is_an_outage(tmp_path: Path) -> None:
    replies = files_of(make_tiny(tmp_path / "made"))
    replies = {end: (503, b"") if end.endswith("weights.json") else reply for end, reply in replies.items()}
    (tmp_path / "copy").mkdir()
    with server(replies) as url, pytest.raises(RegistryUnavailable, match="status 503"):
        MlflowRegistry(url).download(VERSION, tmp_path / "copy")


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    endless = b'{"model_version": "' + b"a" * (2 * ANSWER_BYTES)
    with (
        server({"registered-models/alias": (200, endless)}) as url,
        pytest.raises(RegistryUnavailable, match="got more"),
    ):
        MlflowRegistry(url).resolve("vigie-logreg", "champion")


@pytest.mark.parametrize("place", ["proxy", "disk"])
def test_a_file_that_is_longer_than_its_manifest_says_is_not_read_to_its_end(tmp_path: Path, place: str) -> None:
    made = make_tiny(tmp_path / "vigie")
    with (made / "weights.json").open("ab") as file:
        file.write(b" " * 3_000_000)
    replies = files_of(made)
    if place == "disk":
        (tmp_path / "artifacts").mkdir()
        made.rename(tmp_path / "artifacts" / "vigie")
        replies = {"get-download-uri": (200, json.dumps({"artifact_uri": tmp_path.as_uri()}).encode())}
    (tmp_path / "copy").mkdir()
    with server(replies) as url, pytest.raises(ArtifactError, match=r"weights.json: expected \d+ bytes, got more"):
        MlflowRegistry(url).download(VERSION, tmp_path / "copy")
    assert sum(path.stat().st_size for path in (tmp_path / "copy").iterdir()) < 1_000_000


def test_an_artefact_that_would_fill_the_disk_is_refused_by_its_manifest(tmp_path: Path) -> None:
    files: Files = {"weights.json": {"sha256": "", "size": ARTIFACT_BYTES + 1}}
    with offered(files) as url, pytest.raises(ArtifactError, match="expected an artefact of at most"):
        MlflowRegistry(url).download(VERSION, tmp_path)


def test_a_manifest_cannot_make_room_for_a_huge_file_by_one_that_is_less_than_empty(tmp_path: Path) -> None:
    files: Files = {"a": {"sha256": "", "size": 2 * ARTIFACT_BYTES}, "b": {"sha256": "", "size": -2 * ARTIFACT_BYTES}}
    with offered(files) as url, pytest.raises(ArtifactError, match="not a manifest"):
        MlflowRegistry(url).download(VERSION, tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_a_manifest_cannot_name_a_file_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    files: Files = {name: {"sha256": "", "size": 0}}
    with offered(files) as url, pytest.raises(ArtifactError, match="inside the artefact"):
        MlflowRegistry(url).download(VERSION, tmp_path)


def test_an_artefact_elsewhere_or_without_a_manifest_is_refused(tmp_path: Path) -> None:
    elsewhere: Replies = {"get-download-uri": (200, b'{"artifact_uri": "s3://bucket/model"}')}
    with server(elsewhere) as url, pytest.raises(ArtifactError, match="behind the registry's proxy"):
        MlflowRegistry(url).download(VERSION, tmp_path)
    nonsense: Replies = files_of(tmp_path) | {MANIFEST: (200, b"{}")}
    with server(nonsense) as url, pytest.raises(ArtifactError, match="not a manifest"):
        MlflowRegistry(url).download(VERSION, tmp_path)
