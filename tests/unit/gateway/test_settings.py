"""The gateway's settings: what stops the start, and how it says so."""

import pytest

from gateway.settings import GatewaySettings

KEY = "web:" + "a" * 64 + ":predict"
STRONG = "s" * 40


def test_chains_of_families_are_read_and_must_be_served() -> None:
    settings = GatewaySettings.read(models="logreg,lstm,distilbert", fallback="distilbert>lstm>logreg, lstm>logreg")
    assert settings.fallback == {"distilbert": ("lstm", "logreg"), "lstm": ("logreg",)}
    with pytest.raises(SystemExit, match="FALLBACK"):
        GatewaySettings.read(models="logreg", fallback="distilbert>logreg")


def test_an_open_gateway_listens_on_loopback_only() -> None:
    with pytest.raises(
        SystemExit, match=r"GATEWAY_API_KEYS: without keys VIGIE_HOST must be a loopback address, got '0\.0\.0\.0'"
    ):
        GatewaySettings.read(vigie_host="0.0.0.0")
    assert GatewaySettings.read(vigie_host="0.0.0.0", gateway_api_keys=KEY).gateway_api_keys
    assert GatewaySettings.read(vigie_host="0.0.0.0", gateway_allow_open=True).gateway_allow_open
    assert GatewaySettings.read(vigie_host="localhost").vigie_host == "localhost"


def test_a_malformed_key_stops_the_start_with_the_variable_and_without_the_value() -> None:
    with pytest.raises(SystemExit, match="GATEWAY_API_KEYS") as stopped:
        GatewaySettings.read(gateway_api_keys="web:hunter2:predict")
    assert "hunter2" not in str(stopped.value)


@pytest.mark.parametrize(
    "field", ["predict_timeout_seconds", "backend_timeout_seconds", "brown_out_seconds", "queue_burst_seconds"]
)
@pytest.mark.parametrize("value", ["inf", "1e10"])
def test_a_time_without_a_sensible_end_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: Input should be .*, got '{value}'"):
        GatewaySettings.read(**{field: value})


def test_an_unknown_family_is_named_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"MODELS: .*expected one of logreg.*got 'oracle'"):
        GatewaySettings.read(models="logreg,oracle")


def test_a_predictor_is_reached_by_http() -> None:
    named, places = ("logreg:9001", "http://one:1,", "redis://one:1", "http://one:99999"), ("{name}", "{}", "{", "}")
    for wrong in (*named, *(f"http://one{place}:1" for place in places), "http://{service.one}:1"):
        with pytest.raises(SystemExit, match=r"PREDICTOR_URL: .*expected URLs like http://\{service\}:\{port\}"):
            GatewaySettings.read(predictor_url=wrong)


def test_the_default_model_must_be_served() -> None:
    with pytest.raises(SystemExit, match="DEFAULT_MODEL: expected one of MODELS"):
        GatewaySettings.read(models="logreg", default_model="forest")


@pytest.mark.parametrize(("models", "default"), [("forest,logreg", "logreg"), ("lstm,forest", "lstm")])
def test_where_no_default_model_is_named_it_is_logreg_or_the_first(models: str, default: str) -> None:
    assert GatewaySettings.read(models=models).default_model == default
    assert GatewaySettings.read(models=models, default_model="").default_model == default


def test_production_needs_keys_and_a_secret_of_its_own() -> None:
    with pytest.raises(SystemExit) as stopped:
        GatewaySettings.read(vigie_env="production")
    assert "RECEIPT_SECRET: in production" in str(stopped.value)
    assert "GATEWAY_API_KEYS: in production" in str(stopped.value)
    assert GatewaySettings.read(vigie_env="production", receipt_secret=STRONG, gateway_api_keys=KEY)


def test_the_environment_is_read_by_capital_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "9123")
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", "9124")
    monkeypatch.setenv("MODELS", "")
    settings = GatewaySettings.read(models="logreg")
    assert settings.gateway_port == 9123
    assert [(family.name, url) for family, url in settings.families()] == [("logreg", "http://127.0.0.1:9124")]


def test_a_port_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", "eighty")
    with pytest.raises(SystemExit, match="PREDICTOR_LOGREG_PORT: expected a port from 1 to 65535, got 'eighty'"):
        GatewaySettings.read(models="logreg").families()


def test_containers_reach_predictors_by_service_name() -> None:
    settings = GatewaySettings.read(models="logreg", predictor_url="http://{service}:8080")
    assert settings.families()[0][1] == "http://predictor-logreg:8080"
