"""What the forest predictor is told by its environment."""

from vigie.serving.settings import PredictorSettings


class ForestSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""
