"""What the training job takes from its environment."""

import re

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


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MODELS", "foo", "expected some of logreg, .*, got 'foo'"),
        ("MODELS", "logreg,foo", "expected some of logreg, .*, got 'logreg,foo'"),
        ("MODELS", " ", "expected some of logreg, .*, got ' '"),
        ("MLFLOW_PORT", "five", "Input should be a valid integer, .*, got 'five'"),
        ("GATE_SIZE_MIB", "nan", "Input should be .*, got 'nan'"),
        ("GATE_LATENCY_MS", "inf", "Input should be .*, got 'inf'"),
        ("GATE_CALIBRATION_ERROR", "0", "Input should be greater than 0, got '0'"),
    ],
)
def test_one_wrong_variable_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as stop:
        TrainingSettings.read()
    assert re.fullmatch(f"{variable}: {message}", str(stop.value))
    assert str(stop.value).count(", got ") == 1
