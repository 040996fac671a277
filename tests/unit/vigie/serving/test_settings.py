"""A predictor's variables."""

import pytest

from vigie.serving.settings import PredictorSettings


def test_the_poll_may_be_a_fraction_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_POLL_SECONDS", "0.2")
    assert PredictorSettings.read().model_poll_seconds == 0.2


@pytest.mark.parametrize("value", ["mlruns", "sqlite:///mlflow.db", "http://", "file:///data"])
def test_a_registry_that_is_no_server_is_refused_by_name(value: str) -> None:
    with pytest.raises(SystemExit, match="MLFLOW_TRACKING_URI: expected the URL of a tracking server"):
        PredictorSettings.read(mlflow_tracking_uri=value)
