"""Follows an alias: what it names is fetched, tested and served, whatever happens to the registry."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from time import monotonic, perf_counter

from vigie.artifacts import ArtifactError
from vigie.model_status import Rejection
from vigie.registry import NoSuchAlias, Registry, RegistryUnavailable, Version
from vigie.serving.cache import ModelCache
from vigie.serving.metrics import REGISTRY_UP, REJECTED, RELOADS, STALE_SECONDS
from vigie.serving.models import ServedModel, TooSlow, may_pass

STOP_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
LONGEST_PAUSE_WITHOUT_SECONDS = 30.0  # while nothing serves, nothing is disturbed by a try
_REASON_CHARACTERS = 200

_LOG = logging.getLogger(__name__)

Open = Callable[[Path, Version], ServedModel]
Serve = Callable[[ServedModel], None]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A version that could not be opened so many `times` in a row; `told` says why, `folder` is where it is."""

    version: Version
    folder: Path | None
    told: str
    times: int
    again_at: float


class Follower:
    """Polls `alias` of `model` in a thread of its own, opens what it names with `open_model` and hands it to `serve`.

    A version that cannot be opened is rejected until the alias names another one, but what may pass (see `may_pass`) is
    tried again after pauses that grow; what cannot be fetched right now, at the next look. As long as nothing serves,
    the last good version of the cache does, tried likewise. `step` is one look at the alias; `clock` tells seconds.

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
        clock: Callable[[], float] = monotonic,
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
        self._clock = clock
        self._serving: Version | None = None
        self._failure: _Failure | None = None
        self._restores = 0
        self._restore_at = -inf
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.rejection: Rejection | None = None
        self.stale_since: datetime | None = None
        self.problem: str | None = "not looked at the registry yet"
        STALE_SECONDS.labels(self._label).set_function(self.stale_seconds)
        for result in ("ok", "rejected", "unavailable", "error"):
            RELOADS.labels(self._label, result)  # 0 is there before the first event, or that would be no increase

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
        if self._serving is None and self._withdraw is None and self._clock() >= self._restore_at:
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
        failure = self._failed_before(version)
        if version == self._serving:
            self._settle()
        elif failure and self._clock() < failure.again_at:
            self._note_problem(failure.told)
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
            folder = self._fetch(version)
        except RegistryUnavailable:
            RELOADS.labels(self._label, "unavailable").inc()
            raise
        except (OSError, MemoryError) as error:
            RELOADS.labels(self._label, "error").inc()
            self._note_problem(f"version {version.number} cannot be stored: {error}")
            return
        except ArtifactError as error:
            self._fail(version, None, error)
            return
        try:
            self._put(version, folder, keep=True)
        except Exception as error:
            self._fail(version, folder, error)
            return
        self._settle()

    def _fetch(self, version: Version) -> Path:
        before = self._failed_before(version)
        if before and before.folder and (whole := self._cache.whole(before.folder.name)):
            return whole
        return self._cache.find(version) or self._cache.receive(lambda to: self._registry.download(version, to))

    def _failed_before(self, version: Version) -> _Failure | None:
        return self._failure if self._failure and self._failure.version == version else None

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

    def _fail(self, version: Version, folder: Path | None, error: Exception) -> None:
        """The version stays out: for good, or for a while."""
        before, passing = self._failed_before(version), may_pass(error)
        reason = str(error) if isinstance(error, ArtifactError) else f"{type(error).__name__}: {error}"
        self._forget_rejection()
        if passing and not isinstance(error, TooSlow):
            RELOADS.labels(self._label, "error").inc()
            told = f"version {version.number} cannot be opened: {reason}"
        else:
            RELOADS.labels(self._label, "rejected").inc()
            self.rejection = Rejection(version=version.number, reason=reason)
            REJECTED.labels(*self._labels(self.rejection)).set(1)
            told = f"version {version.number} was rejected: {reason}"
        times = before.times + 1 if before else 1
        again_at = self._clock() + self._pause(times) if passing else inf
        self._failure = _Failure(version, folder, told, times, again_at)
        self._note_problem(told)
        if not passing:
            self._prune()

    def _pause(self, times: int) -> float:
        """After so many failures in a row."""
        longest = LONGEST_PAUSE_SECONDS if self._serving else LONGEST_PAUSE_WITHOUT_SECONDS
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(times - 1, 10), longest)

    def _prune(self) -> None:
        try:
            self._cache.prune()
        except OSError as error:
            _LOG.warning("the cache cannot be pruned", extra={"model": self._label, "error": str(error)})

    def _restore(self) -> None:
        """Serves the newest version of the cache that still opens."""
        self._restores += 1
        self._restore_at = self._clock() + self._pause(self._restores)
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
        self._failure = self.stale_since = self.problem = None

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
