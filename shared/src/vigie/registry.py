"""The model registry as a predictor needs it: what does an alias name, and give me its artefact.

Plain calls to MLflow's documented REST API: the client library costs a predictor 110 MB and three seconds of start.
All calls block for a bounded time, also where an answer comes drop by drop; make them in a thread.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import copyfile
from time import monotonic
from typing import Protocol, TypeVar
from urllib.parse import quote, unquote, urlsplit

import urllib3
from pydantic import BaseModel, ValidationError

from vigie.artifacts import MANIFEST, ArtifactError, Manifest

ReplyT = TypeVar("ReplyT", bound=BaseModel)

TIMEOUT_SECONDS = 5.0
CONNECT_SECONDS = 2.0
ARTIFACT_FOLDER = "artifacts/vigie"
PATIENCE = 3
SLOWEST_BYTES_PER_SECOND = 512 * 1024
CHUNK_BYTES = 1024 * 1024
ANSWER_BYTES = 1024 * 1024
ARTIFACT_BYTES = 2 * 1024**3

_MISSING = (b"RESOURCE_DOES_NOT_EXIST", b"INVALID_PARAMETER_VALUE")
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class RegistryUnavailable(Exception):
    """The registry does not answer, or not as it should: try again later."""


class NoSuchAlias(Exception):
    """The registry answers, and there is no such model, alias or version."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version. `source` tells two of the same number apart, as when a model was deleted and made again."""

    model: str
    number: str
    source: str

    @property
    def model_id(self) -> str | None:
        """The immutable id of the logged model (`m-…`), where the version has one."""
        return self.source.removeprefix("models:/") if self.source.startswith("models:/m-") else None


class Registry(Protocol):
    """Where versions come from."""

    def resolve(self, model: str, alias: str) -> Version:
        """The version that `alias` names now; raises `NoSuchAlias` or `RegistryUnavailable`."""
        ...

    def tags(self, model: str) -> dict[str, str]:
        """Those of the registered model itself; raises like `resolve`."""
        ...

    def download(self, version: Version, destination: Path) -> None:
        """Writes the version's artefact folder into the empty folder `destination`; nothing is verified.

        Raises `ArtifactError` when the version has no (complete) artefact, `RegistryUnavailable` when it cannot tell.
        """
        ...


class MlflowRegistry:
    """A tracking server with its artifact proxy; artefacts on a local or shared disk are read from there."""

    def __init__(self, tracking_uri: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(tracking_uri)
        host = parts.hostname or ""
        self._origin = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"
        self._server = f"{self._origin}{parts.path.rstrip('/')}"
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        self._patience = PATIENCE * timeout_seconds
        self._login = urllib3.make_headers(basic_auth=login, user_agent="vigie")
        self._http = urllib3.PoolManager(
            headers=urllib3.make_headers(user_agent="vigie"),
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout_seconds), read=timeout_seconds),
            retries=urllib3.Retry(total=1, redirect=0, status=0, backoff_factor=0),
        )

    def resolve(self, model: str, alias: str) -> Version:
        """See `Registry`."""
        found = self._ask("registered-models/alias", _Alias, name=model, alias=alias).model_version
        return Version(model=model, number=found.version, source=found.source)

    def tags(self, model: str) -> dict[str, str]:
        """See `Registry`."""
        found = self._ask("registered-models/get", _Registered, name=model).registered_model
        return {tag.key: tag.value for tag in found.tags}

    def download(self, version: Version, destination: Path) -> None:
        """See `Registry`. The manifest says which files there are."""
        try:
            place = self._ask("model-versions/get-download-uri", _Place, name=version.model, version=version.number)
        except NoSuchAlias as error:
            raise ArtifactError(str(error)) from error
        uri = f"{place.artifact_uri.rstrip('/')}/{ARTIFACT_FOLDER}"
        self._fetch(uri, MANIFEST, destination, at_most=ANSWER_BYTES)
        try:
            files = Manifest.model_validate_json((destination / MANIFEST).read_bytes()).files
        except ValidationError as error:
            raise ArtifactError(f"{MANIFEST}: not a manifest: {error}") from error
        if sum(part.size for part in files.values()) > ARTIFACT_BYTES:
            raise ArtifactError(f"{MANIFEST}: expected an artefact of at most {ARTIFACT_BYTES} bytes, got more")
        for name, part in files.items():
            self._fetch(uri, _inside(name), destination, at_most=part.size)

    def _ask(self, method: str, schema: type[ReplyT], **query: str) -> ReplyT:
        url = f"{self._server}/api/2.0/mlflow/{method}"
        try:
            with self._http.request("GET", url, fields=query, headers=self._login, preload_content=False) as reply:
                content = b"".join(self._parts(reply, ANSWER_BYTES))
        except urllib3.exceptions.HTTPError as error:
            raise RegistryUnavailable(f"{url}: {error}") from error
        if len(content) > ANSWER_BYTES:
            raise RegistryUnavailable(f"{url}: expected an answer of at most {ANSWER_BYTES} bytes, got more")
        if reply.status in (400, 404) and any(code in content for code in _MISSING):
            raise NoSuchAlias(f"{query}: {_shown(content)}")
        if reply.status != 200:
            raise RegistryUnavailable(f"{url}: status {reply.status}: {_shown(content)}")
        try:
            return schema.model_validate_json(content)
        except ValidationError as error:
            raise RegistryUnavailable(f"{url}: not MLflow's answer: {_shown(content)}") from error

    def _fetch(self, folder_uri: str, name: str, destination: Path, *, at_most: int) -> None:
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        parts = urlsplit(folder_uri)
        if parts.scheme in ("", "file"):
            _copy(Path(unquote(parts.path)) / name, target, at_most)
        elif parts.scheme == "mlflow-artifacts":
            server = f"{urlsplit(self._server).scheme}://{parts.netloc}" if parts.netloc else self._server
            self._stream(f"{server}{_PROXY}/{quote(parts.path.lstrip('/'))}/{quote(name)}", target, at_most)
        else:
            raise ArtifactError(f"expected an artefact behind the registry's proxy or on a disk, got {folder_uri!r}")

    def _stream(self, url: str, target: Path, at_most: int) -> None:
        headers = self._login if url.startswith(f"{self._origin}/") else None  # a version may name any server
        try:
            with (
                self._http.request("GET", url, headers=headers, preload_content=False) as reply,
                target.open("wb") as file,
            ):
                if reply.status in (400, 404):
                    raise ArtifactError(f"{target.name}: not in the registry ({url})")
                if reply.status != 200:
                    raise RegistryUnavailable(f"{url}: status {reply.status}")
                for part in self._parts(reply, at_most):
                    if file.tell() + len(part) > at_most:
                        raise ArtifactError(f"{target.name}: expected {at_most} bytes, got more")
                    file.write(part)
        except urllib3.exceptions.HTTPError as error:
            raise RegistryUnavailable(f"{url}: {error}") from error

    def _parts(self, reply: urllib3.BaseHTTPResponse, at_most: int) -> Iterator[bytes]:
        """What comes, as it comes, until there is more than `at_most`; raises urllib3's error when it takes too long.

        The timeout of a read begins anew with each byte: a registry that drips would hold its caller for ever.
        """
        got, seconds = 0, self._patience + at_most / SLOWEST_BYTES_PER_SECOND
        started = monotonic()
        while got <= at_most and (part := reply.read1(CHUNK_BYTES)):
            got += len(part)
            yield part
            if monotonic() - started > seconds:
                raise urllib3.exceptions.ProtocolError(f"{got} bytes in {seconds:.0f} s, the rest is not waited for")


class _VersionReply(BaseModel):
    version: str
    source: str = ""


class _Alias(BaseModel):
    model_version: _VersionReply


class _Tag(BaseModel):
    key: str
    value: str = ""


class _Tagged(BaseModel):
    tags: list[_Tag] = []


class _Registered(BaseModel):
    registered_model: _Tagged


class _Place(BaseModel):
    artifact_uri: str


def _copy(source: Path, target: Path, at_most: int) -> None:
    try:
        if source.stat().st_size > at_most:
            raise ArtifactError(f"{target.name}: expected {at_most} bytes, got more")
        copyfile(source, target)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ArtifactError(f"{target.name}: not in the registry ({source})") from error


def _shown(content: bytes) -> str:
    return content[:300].decode(errors="replace")


def _inside(name: str) -> str:
    """The name, once it is sure not to lead out of the artefact's folder."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ArtifactError(f"{MANIFEST}: expected names of files inside the artefact, got {name!r}")
    return name
