"""Rows are what the schemas say."""

import pytest

from gateway.rows import EventRow, PredictionRow, prediction_row
from vigie.schemas import Prediction, PredictionEvent


def test_rows_have_the_fields_of_their_schemas() -> None:
    assert PredictionRow.__required_keys__ == set(Prediction.model_fields)
    assert EventRow.__required_keys__ == set(PredictionEvent.model_fields)


@pytest.mark.parametrize("asked", [None, "distilbert"])
@pytest.mark.parametrize("negative", [0.0, 0.123456789, 0.5, 1.0])
def test_an_answer_is_a_prediction(negative: float, asked: str | None) -> None:
    row = prediction_row("id", negative, {"name": "logreg", "version": "7"}, asked)
    answer = Prediction.model_validate(row)
    assert answer.model_dump() == row
    assert answer.prediction_label == (0 if negative >= 0.5 else 1)
    assert answer.sentiment == ("negative" if negative >= 0.5 else "positive")
    assert answer.probabilities.negative == round(negative, 6)
    assert answer.probabilities.negative + answer.probabilities.positive == pytest.approx(1, abs=1e-9)
    assert answer.confidence == max(answer.probabilities.negative, answer.probabilities.positive)
    assert answer.degraded is (asked is not None)
