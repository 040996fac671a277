"""Follows an alias: what it names is fetched, tested and served, whatever happens to the registry."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from vigie.artifacts import ArtifactError
from vigie.model_status import Rejection
from vigie.registry import NoSuchAlias, Registry, RegistryUnavailable, Version
from vigie.serving.cache import ModelCache
from vigie.serving.metrics import REGISTRY_UP, REJECTED, RELOADS, STALE_SECONDS
from vigie.serving.models import ServedModel

STOP_SECONDS = 1.0
_REASON_CHARACTERS = 200

_LOG = logging.getLogger(__name__)

Open = Callable[[Path, Version], ServedModel]
Serve = Callable[[ServedModel], None]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Follower:
    """Polls `alias` of `model` in a thread of its own, opens what it names with `open_model` and hands it to `serve`.

    A version that cannot be opened is rejected until the alias names another one; what cannot be fetched right now is
    tried again. As long as nothing serves, the last good version of the cache does. `step` is one look at the alias.

    With `withdraw` the alias may be absent, or name nothing any more: then that is called and nothing serves, not even
    from the cache.
    """

    def __init__(
        self,
        registry: Registry,
        cache: ModelCache,
        *,
        model: str,
        alias: str,
        open_model: Open,
        serve: Serve,
        withdraw: Callable[[], None] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._registry = registry
        self._cache = cache
        self._model = model
        self._alias = alias
        self._open = open_model
        self._serve = serve
        self._withdraw = withdraw
        self._label = f"{model}@{alias}" if withdraw else model
        self._now = now
        self._serving: Version | None = None
        self._rejected: Version | None = None
        self._restored = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.rejection: Rejection | None = None
        self.stale_since: datetime | None = None
        self.problem: str | None = "not looked at the registry yet"
        STALE_SECONDS.labels(self._label).set_function(self.stale_seconds)

    def start(self, poll_seconds: float) -> None:
        """Looks at once and then every `poll_seconds`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow_on, args=[poll_seconds], name="follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; one that is stuck in a call to the registry is left behind."""
        self._stopping.set()
        if self._thread:
            self._thread.join(STOP_SECONDS)

    def step(self) -> None:
        """Looks at the alias once and acts on it."""
        try:
            self._follow(self._registry.resolve(self._model, self._alias))
            REGISTRY_UP.set(1)
        except RegistryUnavailable as error:
            REGISTRY_UP.set(0)
            self._note_problem(f"the registry is unavailable: {error}")
        except NoSuchAlias as error:
            REGISTRY_UP.set(1)
            if self._withdraw is not None:
                self._leave(self._withdraw)
                return
            self._note_problem(f"the registry has no alias {self._alias!r} of {self._model!r}: {error}")
        if self._serving is None and not self._restored and self._withdraw is None:
            self._restored = True
            self._restore()

    def stale_seconds(self) -> float:
        """Seconds since it was last certain that what the alias names serves; 0 while it is."""
        return (self._now() - self.stale_since).total_seconds() if self.stale_since else 0.0

    def _follow_on(self, poll_seconds: float) -> None:
        self._clean()
        while not self._stopping.is_set():
            try:
                self.step()
            except Exception:
                _LOG.exception("a look at the registry failed")
            self._stopping.wait(poll_seconds)

    def _clean(self) -> None:
        try:
            self._cache.clean()
        except OSError as error:
            self._note_problem(f"the cache cannot be used: {error}")

    def _follow(self, version: Version) -> None:
        if version == self._serving:
            self._settle()
        elif version == self._rejected and self.rejection:
            self._note_problem(_told(self.rejection))
        else:
            self._replace(version)

    def _leave(self, withdraw: Callable[[], None]) -> None:
        """The alias names nothing, as it may."""
        if self._serving is not None:
            withdraw()
            _LOG.info("no version serves any more", extra={"model": self._label, "version": self._serving.number})
        self._serving = None
        self._settle()

    def _replace(self, version: Version) -> None:
        try:
            folder = self._cache.find(version) or self._cache.receive(lambda to: self._registry.download(version, to))
        except RegistryUnavailable:
            RELOADS.labels(self._label, "unavailable").inc()
            raise
        except OSError as error:
            RELOADS.labels(self._label, "error").inc()
            self._note_problem(f"version {version.number} cannot be stored: {error}")
            return
        except ArtifactError as error:
            self._reject(version, error)
            return
        try:
            self._put(version, folder, keep=True)
        except Exception as error:
            self._reject(version, error)
            return
        self._settle()

    def _put(self, version: Version, folder: Path, *, keep: bool) -> None:
        """Kept first, then served: whoever saw it serve finds it again after a crash."""
        started = perf_counter()
        model = self._open(folder, version)
        if keep:
            self._keep(version, folder)
        self._serve(model)
        self._serving = version
        RELOADS.labels(self._label, "ok").inc()
        seconds = round(perf_counter() - started, 3)
        fields = {"model": self._label, "version": version.number, "digest": model.digest, "seconds": seconds}
        _LOG.info("a version serves", extra=fields)

    def _keep(self, version: Version, folder: Path) -> None:
        try:
            self._cache.keep(version, folder, alias=self._alias)
        except OSError as error:
            _LOG.warning(
                "a version cannot be kept for a restart", extra={"version": version.number, "error": str(error)}
            )

    def _reject(self, version: Version, error: Exception) -> None:
        reason = str(error) if isinstance(error, ArtifactError) else f"{type(error).__name__}: {error}"
        RELOADS.labels(self._label, "rejected").inc()
        self._forget_rejection()
        self._rejected = version
        self.rejection = Rejection(version=version.number, reason=reason)
        REJECTED.labels(*self._labels(self.rejection)).set(1)
        self._note_problem(_told(self.rejection))
        self._cache.prune()

    def _restore(self) -> None:
        """Serves the newest version of the cache that still opens."""
        for version, folder in self._cache.last_good(self._alias):
            try:
                self._put(version, folder, keep=False)
            except Exception as error:
                _LOG.exception("a version of the cache cannot be opened", extra={"version": version.number})
                self._note_problem(f"version {version.number} of the cache: {type(error).__name__}: {error}")
            else:
                return

    def _settle(self) -> None:
        """What the alias names serves, or it names nothing."""
        self._forget_rejection()
        self._rejected = self.stale_since = self.problem = None

    def _forget_rejection(self) -> None:
        if self.rejection:
            REJECTED.remove(*self._labels(self.rejection))
        self.rejection = None

    def _labels(self, rejection: Rejection) -> tuple[str, str, str]:
        return self._label, rejection.version, rejection.reason[:_REASON_CHARACTERS]

    def _note_problem(self, problem: str) -> None:
        if problem != self.problem:
            serving = self._serving.number if self._serving else None
            _LOG.error(problem, extra={"model": self._label, "serving": serving})
        self.problem = problem
        self.stale_since = self.stale_since or self._now()


def _told(rejection: Rejection) -> str:
    return f"version {rejection.version} was rejected: {rejection.reason}"
