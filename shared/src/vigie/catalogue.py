"""The model families Vigie knows: the one list that the gateway, Compose and Kubernetes follow."""

from dataclasses import dataclass
from typing import Final

CHAMPION = "champion"
CHALLENGER: Final = "challenger"
SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class Family:
    """One model family: `name` is used everywhere, `port` is where its predictor listens under `make run`."""

    name: str
    title: str
    port: int

    @property
    def service(self) -> str:
        """Folder, image, Compose service, Deployment and host of its predictor."""
        return f"predictor-{self.name}"

    @property
    def registered_model(self) -> str:
        """Name of its registered model in MLflow."""
        return f"vigie-{self.name}"


FAMILIES = (
    Family("logreg", "TF-IDF + logistic regression", 8081),
    Family("forest", "FastText vectors + random forest", 8082),
    Family("lstm", "FastText vectors + LSTM", 8083),
    Family("lightgbm", "Sentence embeddings + LightGBM", 8084),
    Family("distilbert", "Fine-tuned transformer", 8085),
)


def find_family(name: str) -> Family:
    """The family called `name`; raises `KeyError` with the known names."""
    for family in FAMILIES:
        if family.name == name:
            return family
    raise KeyError(f"expected one of {', '.join(f.name for f in FAMILIES)}, got {name!r}")
