"""Lanes of a predictor: for each alias that it follows, what computes with the version that the alias names."""

from collections.abc import Sequence
from dataclasses import dataclass

from vigie.catalogue import SHADOW, Family
from vigie.errors import NotFound
from vigie.model_status import Rejection
from vigie.predictor import LoadablePredictor
from vigie.registry import Registry
from vigie.serving.cache import ModelCache
from vigie.serving.engine import Engine
from vigie.serving.follower import Follower, utc_now
from vigie.serving.models import ServedModel, open_model
from vigie.serving.settings import PredictorSettings
from vigie.serving.threads import ComputeThreads

SHADOW_BATCH = 32


@dataclass(frozen=True, slots=True)
class Lane:
    """One alias."""

    alias: str
    engine: Engine
    follower: Follower

    @property
    def model(self) -> ServedModel | None:
        """What serves now."""
        return self.engine.model


@dataclass(frozen=True, slots=True)
class Lanes:
    """The alias that has to be served, and those that are on trial: they may name nothing."""

    family: Family
    main: Lane
    trials: Sequence[Lane]

    def find(self, version: str | None) -> Lane:
        """The lane that serves this version's number, or the one on trial of this alias; the main one for null.

        Raises `NotFound`.
        """
        if version is None:
            return self.main
        for lane in (self.main, *self.trials):
            if lane.model is not None and version == lane.model.version.number:
                return lane
        for lane in self.trials:
            if version == lane.alias and lane.model is not None:
                return lane
        serving = self.main.model.version.number if self.main.model else None
        raise NotFound(f"{self.family.name}: version {version[:60]!r} does not serve, {serving!r} does")

    def on_trial(self) -> dict[str, str]:
        """The number of each version on trial, by alias."""
        return {lane.alias: lane.model.version.number for lane in self.trials if lane.model is not None}

    def kept_out(self) -> dict[str, Rejection]:
        """Each version that an alias on trial names and that must not be served, and why."""
        return {lane.alias: lane.follower.rejection for lane in self.trials if lane.follower.rejection is not None}


def make_lanes(
    family: Family,
    kind: type[LoadablePredictor],
    settings: PredictorSettings,
    registry: Registry,
    threads: ComputeThreads,
) -> Lanes:
    """The lanes of a family; all compute in the same threads, a shadow only while nobody else does."""

    def lane(alias: str, label: str, *, batch_size: int, yields_to: Engine | None, required: bool) -> Lane:
        limit = settings.predictor_queue_limit
        engine = Engine(label, threads, batch_size=batch_size, queue_limit=limit, yields_to=yields_to)
        follower = Follower(
            registry,
            ModelCache(settings.vigie_home / "models" / label, family=family.name),
            model=family.registered_model,
            alias=alias,
            open_model=lambda folder, version: open_model(
                kind, folder, version, now=utc_now(), slowest_seconds=settings.model_slowest_seconds
            ),
            serve=engine.serve,
            withdraw=None if required else engine.withdraw,
        )
        return Lane(alias, engine, follower)

    size = settings.predictor_batch_size
    main = lane(settings.model_alias, family.name, batch_size=size, yields_to=None, required=True)
    trials = [
        lane(
            alias,
            f"{family.name}@{alias}",
            batch_size=SHADOW_BATCH if alias == SHADOW else size,
            yields_to=main.engine if alias == SHADOW else None,
            required=False,
        )
        for alias in settings.trial_aliases
        if alias != settings.model_alias
    ]
    return Lanes(family, main, trials)
