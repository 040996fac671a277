"""A predictor under contract: its application on a real socket over a real registry, and who publishes for it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType

import httpx

from tests.contract.families import WRITERS
from tests.support.publishing import Damage, Publisher, Write
from tests.support.uvicorn_thread import UvicornThread
from vigie.catalogue import Family
from vigie.inference import InferenceRequest, InferenceResponse, ModelMetadata
from vigie.serving.settings import PredictorSettings

ALIAS = "contract"
POLL_SECONDS = 0.1


class PredictorUnderTest:
    """One family. `start` and `stop` it as often as you like; `settings` are field names."""

    def __init__(self, family: Family, home: Path, registry_url: str) -> None:
        self.family = family
        self.home = home
        self.registry_url = registry_url
        self.publisher = Publisher(registry_url, family)
        self._server: UvicornThread | None = None

    def start(self, **settings: object) -> None:
        """Starts it; it may not be ready yet."""
        package = self.family.service.replace("-", "_")
        options = {
            "vigie_home": self.home,
            "mlflow_tracking_uri": self.registry_url,
            "model_alias": ALIAS,
            "model_poll_seconds": POLL_SECONDS,
            "model_slowest_seconds": 30,
            "predictor_timeout_seconds": 60,
        }
        kind = settings_class(importlib.import_module(f"{package}.settings"))
        app = importlib.import_module(f"{package}.app").create_app(kind.read(**(options | settings)))
        self._server = UvicornThread(app)
        self.client = httpx.Client(base_url=self._server.start(), timeout=60)

    def stop(self) -> None:
        """Stops it as SIGTERM does."""
        if self._server:
            self.client.close()
            self._server.stop()
            self._server = None

    def publish(self, *, strength: float = 1.0, damage: Damage | None = None, off_by: float = 0.0) -> str:
        """A version; another strength gives other probabilities. Returns its number."""
        write = WRITERS[self.family.name]
        return self.publish_written(lambda folder: write(folder, strength=strength, off_by=off_by), damage)

    def publish_written(self, write: Write, damage: Damage | None = None) -> str:
        """A version that `write` writes."""
        return self.publisher.publish(write, damage=damage, alias=ALIAS)

    def url(self, end: str = "") -> str:
        """A path below this family's model."""
        return f"/v2/models/{self.family.name}{end}"

    def post(self, texts: list[str], **headers: str) -> httpx.Response:
        """An inference of n texts."""
        content = InferenceRequest.of(texts).model_dump_json()
        return self.client.post(self.url("/infer"), content=content, headers=headers)

    def infer(self, texts: list[str]) -> InferenceResponse:
        """An inference that must succeed."""
        answer = self.post(texts)
        assert answer.status_code == 200, answer.text
        return InferenceResponse.model_validate_json(answer.content)

    def metadata(self) -> ModelMetadata | None:
        """What serves, if anything does."""
        answer = self.client.get(self.url())
        return ModelMetadata.model_validate_json(answer.content) if answer.status_code == 200 else None

    def serves(self, number: str) -> bool:
        """Whether this version serves."""
        metadata = self.metadata()
        return metadata is not None and metadata.versions == [number]

    def rejects(self, number: str) -> str | None:
        """Why this version was rejected, if it was."""
        metadata = self.metadata()
        rejected = metadata.parameters.rejected if metadata else None
        return rejected.reason if rejected and rejected.version == number else None

    def wait(self, holds: Callable[[], object], seconds: float = 60.0) -> None:
        """Polls until it holds."""
        deadline = monotonic() + seconds
        while not holds():
            assert monotonic() < deadline, self.client.get(self.url()).text
            sleep(0.01)


def settings_class(module: ModuleType) -> type[PredictorSettings]:
    """The one class of settings that a service's module defines."""
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, PredictorSettings) and value.__module__ == module.__name__
    ]
    return found
