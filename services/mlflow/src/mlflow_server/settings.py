"""What the registry server is told by its environment."""

from pydantic import Field

from vigie.settings import ServiceSettings

ALLOWED_HOSTS = "mlflow,mlflow:*,localhost,localhost:*,127.0.0.1,127.0.0.1:*"


class MlflowServerSettings(ServiceSettings):
    """Variables of the registry server; see the README's table."""

    mlflow_port: int = Field(5000, ge=1, le=65535)
    mlflow_backend_store_uri: str = ""
    mlflow_artifacts_destination: str = ""
    mlflow_allowed_hosts: str = ALLOWED_HOSTS
    mlflow_workers: int = Field(1, ge=1, le=32)

    def backend_store_uri(self) -> str:
        """Where runs and versions are kept: the URI that is set, else SQLite in `VIGIE_HOME`."""
        return self.mlflow_backend_store_uri or f"sqlite:///{self.vigie_home.absolute() / 'mlflow' / 'mlflow.db'}"

    def artifacts_destination(self) -> str:
        """Where artefacts are kept: the URI or folder that is set, else a folder in `VIGIE_HOME`."""
        return self.mlflow_artifacts_destination or str(self.vigie_home.absolute() / "mlflow" / "artifacts")
