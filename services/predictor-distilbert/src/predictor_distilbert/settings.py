"""What the distilbert predictor is told by its environment."""

from vigie.serving.settings import PredictorSettings


class DistilbertSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""
