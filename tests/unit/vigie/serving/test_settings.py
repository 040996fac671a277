"""A predictor's variables."""

import pytest

from vigie.serving.settings import PredictorSettings


def test_the_poll_may_be_a_fraction_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_POLL_SECONDS", "0.2")
    assert PredictorSettings.read().model_poll_seconds == 0.2


@pytest.mark.parametrize("field", ["model_poll_seconds", "model_slowest_seconds", "predictor_timeout_seconds"])
@pytest.mark.parametrize("value", ["inf", "1e10"])
def test_a_time_without_a_sensible_end_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: Input should be .*, got '{value}'"):
        PredictorSettings.read(**{field: value})


@pytest.mark.parametrize("value", ["mlruns", "sqlite:///mlflow.db", "http://", "file:///data"])
def test_a_registry_that_is_no_server_is_refused_by_name(value: str) -> None:
    with pytest.raises(SystemExit, match="MLFLOW_TRACKING_URI: expected the URL of a tracking server"):
        PredictorSettings.read(mlflow_tracking_uri=value)


@pytest.mark.parametrize("url", ["http://mlflow:5000", "http://vigie:@mlflow:5000", "http://vigie:vigie@mlflow:5000"])
def test_production_refuses_a_registry_without_a_log_in(url: str) -> None:
    with pytest.raises(SystemExit, match="MLFLOW_TRACKING_URI: in production a password of your own"):
        PredictorSettings.read(vigie_env="production", mlflow_tracking_uri=url)


def test_production_takes_a_registry_that_knows_who_asks() -> None:
    url = f"http://vigie:{'s' * 32}@mlflow:5000"
    assert PredictorSettings.read(vigie_env="production", mlflow_tracking_uri=url).mlflow_tracking_uri == url


def test_an_alias_that_is_none_of_a_trial_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_ALIASES", "shadow,candidate")
    with pytest.raises(SystemExit, match=r"TRIAL_ALIASES: .* 'challenger' or 'shadow', got 'candidate'"):
        PredictorSettings.read()


@pytest.mark.parametrize(
    ("value", "aliases"),
    [
        (None, ("challenger", "shadow")),
        ("", ()),
        ("shadow", ("shadow",)),
        (" challenger , shadow,", ("challenger", "shadow")),
    ],
)
def test_aliases_on_trial_are_listed_and_empty_means_none(
    monkeypatch: pytest.MonkeyPatch, value: str | None, aliases: tuple[str, ...]
) -> None:
    monkeypatch.delenv("TRIAL_ALIASES", raising=False)
    if value is not None:
        monkeypatch.setenv("TRIAL_ALIASES", value)
    assert PredictorSettings.read().trial_aliases == aliases
