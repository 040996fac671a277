"""What the logreg predictor is told by its environment."""

from vigie.serving.settings import PredictorSettings


class LogregSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""
