"""What the registry server is told by its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from vigie.settings import MINIMUM_SECRET_LENGTH, ServiceSettings, sqlite_url

ALLOWED_HOSTS = "mlflow,mlflow:*,localhost,localhost:*,127.0.0.1,127.0.0.1:*"


class MlflowServerSettings(ServiceSettings):
    """Variables of the registry server; see the README's table."""

    mlflow_port: int = Field(5000, ge=1, le=65535)
    mlflow_backend_store_uri: str = ""
    mlflow_artifacts_destination: str = ""
    mlflow_allowed_hosts: str = ALLOWED_HOSTS
    mlflow_workers: int = Field(1, ge=1, le=32)
    mlflow_auth_admin_username: str = "vigie"
    mlflow_auth_admin_password: SecretStr | None = None

    def weak_secrets(self) -> list[tuple[str, str]]:
        """Production also needs a log-in."""
        password = self.mlflow_auth_admin_password
        strong = password is not None and len(password.get_secret_value()) >= MINIMUM_SECRET_LENGTH
        reason = f"a password of at least {MINIMUM_SECRET_LENGTH} characters is needed"
        return super().weak_secrets() + ([] if strong else [("MLFLOW_AUTH_ADMIN_PASSWORD", reason)])

    def backend_store_uri(self) -> str:
        """Where runs and versions are kept: the URI that is set, else SQLite in `VIGIE_HOME`."""
        return self.mlflow_backend_store_uri or sqlite_url(self.vigie_home.absolute() / "mlflow" / "mlflow.db")

    def artifacts_destination(self) -> str:
        """Where artefacts are kept: the URI or folder that is set, else a folder in `VIGIE_HOME`.

        That one is a URI, since MLflow decodes a path as if it were one.
        """
        return self.mlflow_artifacts_destination or (self.vigie_home.absolute() / "mlflow" / "artifacts").as_uri()

    def staging_folder(self) -> Path:
        """Where artefacts lie on their way to or from their store."""
        return self.vigie_home.absolute() / "mlflow" / "staging"

    def auth_folder(self) -> Path:
        """Where the users of this start are kept."""
        return self.vigie_home.absolute() / "mlflow" / "auth"
