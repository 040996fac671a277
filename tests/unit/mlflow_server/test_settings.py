"""Where the registry server keeps its data."""

from configparser import ConfigParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import make_url

from mlflow_server.log_in import prepare_log_in
from mlflow_server.settings import MlflowServerSettings


def test_the_default_store_is_sqlite_at_an_absolute_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = MlflowServerSettings(vigie_home=Path("var"))
    assert settings.backend_store_uri() == f"sqlite:///{tmp_path}/var/mlflow/mlflow.db"
    assert settings.artifacts_destination() == f"file://{tmp_path}/var/mlflow/artifacts"


def test_stores_lie_in_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "50%41?x"
    settings = MlflowServerSettings.read(vigie_home=home, mlflow_auth_admin_password="s" * 40)
    assert make_url(settings.backend_store_uri()).database == f"{home}/mlflow/mlflow.db"
    assert unquote(urlsplit(settings.artifacts_destination()).path) == f"{home}/mlflow/artifacts"
    config = ConfigParser(interpolation=None)
    config.read(prepare_log_in(settings)["MLFLOW_AUTH_CONFIG_PATH"])
    assert make_url(config["mlflow"]["database_uri"]).database == f"{home}/mlflow/auth/users.db"


def test_a_store_that_is_set_wins() -> None:
    settings = MlflowServerSettings(
        mlflow_backend_store_uri="postgresql://db/mlflow", mlflow_artifacts_destination="s3://bucket"
    )
    assert settings.backend_store_uri() == "postgresql://db/mlflow"
    assert settings.artifacts_destination() == "s3://bucket"


def test_empty_variables_mean_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "")
    monkeypatch.setenv("MLFLOW_PORT", "")
    settings = MlflowServerSettings.read()
    assert settings.mlflow_port == 5000
    assert settings.backend_store_uri().startswith("sqlite:///")


@pytest.mark.parametrize("password", [None, "short"])
def test_production_needs_a_strong_password(password: str | None) -> None:
    with pytest.raises(SystemExit, match="MLFLOW_AUTH_ADMIN_PASSWORD: in production"):
        MlflowServerSettings.read(vigie_env="production", mlflow_auth_admin_password=password)


def test_production_refuses_a_database_that_asks_nobody_for_a_password() -> None:
    strong = {"vigie_env": "production", "mlflow_auth_admin_password": "s" * 40}
    with pytest.raises(SystemExit, match="MLFLOW_BACKEND_STORE_URI: in production a password of your own"):
        MlflowServerSettings.read(**strong, mlflow_backend_store_uri="postgresql://mlflow@db/mlflow")
    assert MlflowServerSettings.read(**strong, mlflow_backend_store_uri=f"postgresql://mlflow:{'s' * 32}@db/mlflow")
