"""What the lstm predictor is told by its environment."""

from vigie.serving.settings import PredictorSettings


class LstmSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""
