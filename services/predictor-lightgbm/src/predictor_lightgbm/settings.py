"""What the lightgbm predictor is told by its environment."""

from vigie.serving.settings import PredictorSettings


class LightgbmSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""
