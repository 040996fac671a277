"""The feedback service's settings: what stops the start, and how it says so."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from feedback.settings import FeedbackSettings


def test_the_store_lies_in_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "50%41?x"
    assert make_url(FeedbackSettings.read(vigie_home=home).store_url()).database == f"{home}/feedback.db"
    assert FeedbackSettings.read(database_url="postgresql://db/vigie").store_url() == "postgresql://db/vigie"


@pytest.mark.parametrize("field", ["retention_predictions_days", "retention_votes_days"])
@pytest.mark.parametrize("value", ["0", "1000000000000"])
def test_a_retention_that_no_clock_knows_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: Input should be .*, got '{value}'"):
        FeedbackSettings.read(**{field: value})
