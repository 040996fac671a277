"""What the routes of one running predictor work with."""

from dataclasses import dataclass

from fastapi import Request

from vigie.cards import ModelCard
from vigie.catalogue import Family
from vigie.errors import NotFound, Unavailable
from vigie.inference import INPUT, LABEL, PROBABILITY, ModelDetails, ModelMetadata, TensorMetadata
from vigie.schemas import Readiness
from vigie.serving.history import PromotionHistory
from vigie.serving.lanes import Lane, Lanes
from vigie.serving.models import ServedModel


@dataclass(frozen=True, slots=True)
class PredictorState:
    """Made in the lifespan, gone with it. `timeout_seconds` caps every request's deadline."""

    family: Family
    lanes: Lanes
    history: PromotionHistory
    timeout_seconds: float

    def lane(self, name: str, version: str | None = None) -> Lane:
        """Where a version serves, loaded and self-tested: it is named by its number, or by an alias on trial.

        Raises `NotFound` for another model's name or version, `Unavailable` with the reason when nothing serves.
        """
        if name != self.family.name:
            raise NotFound(f"expected the model {self.family.name!r}, got {name[:60]!r}")
        main = self.lanes.main
        if main.model is None:
            raise Unavailable(f"{name}: no version is ready: {main.follower.problem}")
        return self.lanes.find(version)

    def serving(self, name: str, version: str | None = None) -> ServedModel:
        """What serves there; raises like `lane`."""
        model = self.lane(name, version).model
        if model is None:
            raise NotFound(f"{name}: version {version!r} serves no more")
        return model

    def is_ready(self, name: str, version: str | None = None) -> bool:
        """Whether `serving` would answer; raises `NotFound` like it."""
        try:
            self.serving(name, version)
        except Unavailable:
            return False
        return True

    def metadata(self, name: str, version: str | None = None) -> ModelMetadata:
        """What serves; raises like `lane`."""
        model, follower = self.serving(name, version), self.lane(name, version).follower
        number = model.version.number
        return ModelMetadata(
            name=name,
            versions=[number],
            inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])],
            outputs=[
                TensorMetadata(name=PROBABILITY, datatype="FP32", shape=[-1]),
                TensorMetadata(name=LABEL, datatype="INT64", shape=[-1]),
            ],
            parameters=ModelDetails(
                version=number,
                model_id=model.version.model_id,
                digest=model.digest,
                loaded_at=model.loaded_at,
                metrics=model.manifest.metrics,
                stale_since=follower.stale_since,
                rejected=follower.rejection,
                on_trial=self.lanes.on_trial(),
                kept_out=self.lanes.kept_out(),
            ),
        )

    def card(self, name: str) -> ModelCard:
        """What is known of the version that serves; blocks while the registry is asked. Raises like `serving`."""
        model = self.serving(name)
        return ModelCard(
            name=name,
            title=self.family.title,
            version=model.version.number,
            created_at=model.manifest.created_at,
            libraries=model.manifest.libraries,
            metrics=model.manifest.metrics,
            held_out=model.held_out,
            promotion=self.history.of(model),
        )

    def readiness(self) -> Readiness:
        """Ready when a version serves; the registry is reported, not required."""
        ready, problem = self.lanes.main.model is not None, self.lanes.main.follower.problem
        states = {"model": "ok" if ready else "no version is ready", "registry": problem or "ok"}
        return Readiness(ready=ready, dependencies=states)


def state_of(request: Request) -> PredictorState:
    """The state of the application that got this request."""
    state: PredictorState = request.app.state.predictor
    return state
