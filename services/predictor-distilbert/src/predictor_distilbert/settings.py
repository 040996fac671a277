"""What the distilbert predictor is told by its environment."""

from pydantic import Field

from vigie.serving.settings import PredictorSettings


class DistilbertSettings(PredictorSettings):
    """Variables of this predictor; see the README's table."""

    predictor_batches_at_once: int = Field(2, gt=0, le=8)
