"""What counts as erased."""

import pytest

from alerting.erasing import is_erased
from feedback import prediction_log
from vigie.schemas import PredictionEvent


@pytest.mark.parametrize("author", ["ann", "bob", None])
@pytest.mark.parametrize("created_ms", [0, 999, 1_000, 1_001])
def test_the_radar_and_the_log_agree_on_what_is_erased(author: str | None, created_ms: int) -> None:
    event = PredictionEvent(
        prediction_id="p",
        text="late again",
        model="logreg",
        version="1",
        label=0,
        probability_negative=0.9,
        created_ms=created_ms,
        author=author,
    )
    erased = {"ann": 1_000}
    expected = author == "ann" and created_ms <= 1_000
    assert is_erased(author, created_ms, erased) == prediction_log.is_erased(event, erased) == expected
