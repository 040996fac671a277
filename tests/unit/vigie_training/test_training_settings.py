"""What the training job takes from its environment."""

import pytest

from vigie_training.settings import TrainingSettings


def test_local_servers_are_found_by_their_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "FEEDBACK_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_PORT", "5999")
    monkeypatch.setenv("FEEDBACK_PORT", "8999")
    settings = TrainingSettings.read()
    assert settings.mlflow_tracking_uri == "http://127.0.0.1:5999"
    assert settings.feedback_url == "http://127.0.0.1:8999"
    assert TrainingSettings.read(mlflow_tracking_uri="sqlite:///x.db").mlflow_tracking_uri == "sqlite:///x.db"
