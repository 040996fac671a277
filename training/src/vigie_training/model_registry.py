"""The registry as training sees it: versions, the champion, their artefacts."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep, time
from uuid import uuid4

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from vigie.artifacts import ArtifactError, verify
from vigie.catalogue import CHALLENGER, CHAMPION, SHADOW, Family
from vigie_training.errors import NotFetched, Refused

ARTIFACT_FOLDER = "vigie"
LOCK_SECONDS = 60.0
LOCK_PAUSE_SECONDS = 0.2
HOLDER = "holder"
FEEDBACK_TAG = "feedback_rows"
ORIGIN_TAG = "origin"
RETRAINED = "retrain"


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version of a family; `tags` hold its gate verdict and data hash, `aliases` what points at it."""

    number: str
    created_at: datetime
    run_id: str
    aliases: tuple[str, ...]
    tags: dict[str, str]


class ModelRegistry:
    """One family's registered model on the server that `tracking.connect` has set."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._client = MlflowClient()

    @property
    def name(self) -> str:
        """Name of the registered model."""
        return self.family.registered_model

    def exists(self) -> bool:
        """Whether anything was ever registered."""
        return bool(self._client.search_registered_models(f"name='{self.name}'", max_results=1))

    def champion(self) -> str | None:
        """The number of the version that is served, null when there is none."""
        return self._aliases().get(CHAMPION)

    def newest(self) -> RegisteredVersion | None:
        """The champion, or what was made later to take over: the challenger, or what was retrained or learnt from
        votes, though the gate refused it. Null when there is no champion.
        """
        if self.champion() is None:
            return None
        return next(one for one in self.versions() if _is_meant_to_serve(one))

    def _aliases(self) -> dict[str, str]:
        """Version numbers by alias."""
        if not self.exists():
            return {}
        return {name: str(number) for name, number in self._client.get_registered_model(self.name).aliases.items()}

    @contextmanager
    def moving(self) -> Iterator[Callable[[], None]]:
        """Only one process at a time is within this, per family: the registry has no conditional update of its own.

        The lock is a registered model of another name, which can be made only once. One that a dead process left
        behind counts for `LOCK_SECONDS`. Raises `Refused` when it cannot be had in twice that time. What it yields
        raises `Refused` too, when the lock was taken for a dead process's meanwhile: to be called right before the
        move.
        """
        lock, mine = f"{self.name}.moving", uuid4().hex
        deadline = monotonic() + 2 * LOCK_SECONDS
        while not self._locked(lock, mine):
            if monotonic() > deadline:
                raise Refused(f"{self.name}: another move of the champion is under way: try again")
            sleep(LOCK_PAUSE_SECONDS)

        def check() -> None:
            if self._holder(lock) != mine:
                raise Refused(f"{self.name}: this move took too long, and another one is under way: try again")

        try:
            yield check
        finally:
            if self._holder(lock) == mine:
                self._client.delete_registered_model(lock)

    def _holder(self, lock: str) -> str:
        try:
            return str(self._client.get_registered_model(lock).tags.get(HOLDER, ""))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return ""

    def _locked(self, lock: str, holder: str) -> bool:
        try:
            self._client.create_registered_model(lock, {HOLDER: holder}, "held while the champion is moved")
        except MlflowException as error:
            # It did not exist: given back while MLflow looked for the one that was in the way.
            if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"):
                raise
            self._break_if_old(lock)
            return False
        return True

    def _break_if_old(self, lock: str) -> None:
        with suppress(MlflowException):  # its holder, or somebody who waits like us, was quicker
            made = self._client.get_registered_model(lock).creation_timestamp / 1000
            if time() - made > LOCK_SECONDS:
                self._client.delete_registered_model(lock)

    def set_champion(self, number: str) -> None:
        """Moves the alias: predictors follow within their polling interval. What serves is on trial no longer."""
        self._client.set_registered_model_alias(self.name, CHAMPION, number)
        aliases = self._aliases()
        for alias in (CHALLENGER, SHADOW):
            if aliases.get(alias) == number:
                self.end_trial(alias)

    def try_out(self, number: str, alias: str) -> None:
        """Puts a version on trial beside the champion; raises `Refused` for one that there is not, and for the champion
        itself: whatever is on trial stays there.
        """
        if CHAMPION in self.version(number).aliases:
            raise Refused(
                f"{self.name}: expected a version to put on trial beside the champion, got the champion itself"
            )
        self._client.set_registered_model_alias(self.name, alias, number)

    def end_trial(self, alias: str) -> None:
        """Nothing is on trial by that alias any more."""
        if alias in self._aliases():
            self._client.delete_registered_model_alias(self.name, alias)

    def versions(self) -> list[RegisteredVersion]:
        """All versions, newest first."""
        found = self._client.search_model_versions(f"name='{self.name}'", max_results=1000)
        aliases = self._aliases()
        versions = [_version(version, aliases) for version in found]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def version(self, number: str) -> RegisteredVersion:
        """One version; raises `Refused` with the numbers there are."""
        known = {version.number: version for version in self.versions()}
        if number not in known:
            raise Refused(f"{self.name}: expected one of the versions {', '.join(known) or '(none)'}, got {number!r}")
        return known[number]

    def add_version(self, model_uri: str, run_id: str, model_id: str | None, tags: dict[str, str]) -> str:
        """Registers a logged model as the next version and returns its number."""
        try:
            self._client.create_registered_model(self.name, description=self.family.title)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = self._client.create_model_version(self.name, model_uri, run_id, tags=tags, model_id=model_id)
        return str(made.version)

    def forget(self, number: str) -> None:
        """Takes a version that no alias names out of the registry again; one that cannot be taken out stays."""
        with suppress(MlflowException, Refused):
            if not self.version(number).aliases:
                self._client.delete_model_version(self.name, number)

    def forget_run(self, run_id: str) -> None:
        """The same for what a run registered, also when it was told to stop before it heard the number."""
        with suppress(MlflowException):
            for version in self.versions():
                if version.run_id == run_id:
                    self.forget(version.number)

    def tag_version(self, number: str, key: str, value: str) -> None:
        """Sets a tag of a version."""
        self._client.set_model_version_tag(self.name, number, key, value)

    def costs(self, run_id: str) -> dict[str, float]:
        """What the training of a version cost; empty when its run is gone."""
        try:
            metrics = self._client.get_run(run_id).data.metrics if run_id else {}
        except MlflowException:
            return {}
        return {name: metrics[name] for name in ("training_seconds", "peak_memory_mib") if name in metrics}

    def tags(self) -> dict[str, str]:
        """Tags of the registered model itself."""
        return dict(self._client.get_registered_model(self.name).tags)

    def tag(self, key: str, value: str) -> None:
        """Sets a tag of the registered model itself."""
        self._client.set_registered_model_tag(self.name, key, value)

    @contextmanager
    def artefact(self, number: str) -> Iterator[Path]:
        """The verified artefact folder of a version, for as long as the context lasts.

        Raises `ArtifactError` when there is none or it is damaged, `NotFetched` when nobody can tell.
        """
        with tempfile.TemporaryDirectory(prefix="vigie-") as place:
            uri = f"models:/{self.name}/{number}/artifacts/{ARTIFACT_FOLDER}"
            try:
                folder = Path(download_artifacts(artifact_uri=uri, dst_path=place))
            except (MlflowException, OSError) as error:
                kind = NotFetched if self._may_be_there(uri) else ArtifactError
                raise kind(f"{self.name} version {number}: no artefact could be fetched: {error}") from error
            verify(folder, family=self.family.name)
            yield folder

    @staticmethod
    def _may_be_there(uri: str) -> bool:
        """What MLflow raises for a file that is not there is no different from what it raises for a full disk."""
        try:
            return bool(list_artifacts(artifact_uri=uri))
        except MlflowException as error:
            return str(error.error_code) != "RESOURCE_DOES_NOT_EXIST"
        except OSError:
            return True


def _is_meant_to_serve(version: RegisteredVersion) -> bool:
    named = CHAMPION in version.aliases or CHALLENGER in version.aliases
    retrained = version.tags.get(ORIGIN_TAG) == RETRAINED
    return named or retrained or version.tags.get(FEEDBACK_TAG, "0") != "0"


def _version(found: ModelVersion, aliases: dict[str, str]) -> RegisteredVersion:
    return RegisteredVersion(
        number=str(found.version),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        run_id=found.run_id or "",
        aliases=tuple(sorted(name for name, number in aliases.items() if number == str(found.version))),
        tags=dict(found.tags),
    )
