"""The families side by side as the gateway describes them, and the card of the version that serves one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ui.gateway import Gateway
from vigie.cards import ModelCard
from vigie.model_status import ModelList, ModelStatus
from vigie.trials import TrialReport
from vigie.wording import Texts

UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of a model: its name in `metrics`, how it is written, and which way is better."""

    name: str
    digits: int
    better: Literal["higher", "lower"]
    share: bool = False

    def shown(self, metrics: Mapping[str, float], t: Texts, suffix: str = "") -> str:
        """As people read it, a dash where it is not known."""
        value = metrics.get(f"{self.name}{suffix}")
        if value is None:
            return UNKNOWN
        return t.percent(value, self.digits) if self.share else t.number(value, self.digits)


QUALITY = (
    Figure("accuracy", 1, "higher", share=True),
    Figure("macro_recall", 1, "higher", share=True),
    Figure("f1", 3, "higher"),
    Figure("roc_auc", 3, "higher"),
    Figure("log_loss", 3, "lower"),
    Figure("calibration_error", 3, "lower"),
)
COSTS = (Figure("latency_ms", 2, "lower"), Figure("size_mib", 1, "lower"), Figure("training_seconds", 0, "lower"))
COMPARED = (*(figure for figure in QUALITY if figure.name not in ("roc_auc", "log_loss")), *COSTS)


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after a promotion, on the same rows."""

    figure: Figure
    before: float
    after: float

    @property
    def verdict(self) -> Literal["better", "worse", "same"]:
        """What the change means, as far as it can be seen in the digits shown."""
        places = self.figure.digits + (2 if self.figure.share else 0)
        gain = round(self.after, places) - round(self.before, places)
        if gain == 0:
            return "same"
        return "better" if (gain > 0) == (self.figure.better == "higher") else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the tab shows: every family, and the card of the chosen one; null when nothing serves it."""

    families: Sequence[ModelStatus]
    default: str
    card: ModelCard | None

    def best(self, figure: Figure) -> str | None:
        """The family that is best by this figure, when there are several to choose from."""
        known = {each.name: each.metrics[figure.name] for each in self.families if figure.name in each.metrics}
        pick = max if figure.better == "higher" else min
        return pick(known, key=known.__getitem__) if len(known) > 1 else None

    @property
    def trials(self) -> list[TrialReport]:
        """The versions on trial beside the champions, family by family."""
        return [report for family in self.families for report in family.trials]

    @property
    def data_sets(self) -> list[str]:
        """The sets of held-out rows that the card tells apart."""
        start = "accuracy."
        names = self.card.metrics if self.card else ()
        return sorted(name.removeprefix(start) for name in names if name.startswith(start))

    @property
    def calibration(self) -> list[tuple[float, float]]:
        """Points from what was said to what is true."""
        held_out = self.card.held_out if self.card else None
        return [(each.said, each.true) for each in held_out.calibration] if held_out else []

    @property
    def changes(self) -> list[Change]:
        """What the last promotion changed; empty when it was not measured."""
        move = self.card.promotion if self.card else None
        if move is None:
            return []
        return [
            Change(figure, move.metrics_before[figure.name], move.metrics[figure.name])
            for figure in QUALITY
            if figure.name in move.metrics and figure.name in move.metrics_before
        ]


async def look(gateway: Gateway, family: str | None) -> Comparison:
    """The families now, and the card of `family`; without one, of the default. Raises `Trouble`."""
    models = await gateway.get("/models", ModelList)
    chosen = family or models.default
    ready = any(model.ready for model in models.models if model.name == chosen)
    card = await gateway.get(f"/models/{chosen}/card", ModelCard) if ready else None
    return Comparison(models.models, models.default, card)
