"""What `make run` is told by its environment."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from vigie.catalogue import Family, find_family
from vigie.settings import HttpUrl, RedisUrl, ServiceSettings

Port = Annotated[int, Field(ge=1, le=65535)]


class LocalSettings(ServiceSettings):
    """The variables that decide what runs and where; everything else is passed on to the services as it is."""

    models: Annotated[tuple[str, ...], NoDecode] = ("logreg",)
    gateway_port: Port = 8000
    feedback_port: Port = 8010
    alerting_port: Port = 8020
    mlflow_port: Port = 5000
    ui_port: Port = 7860
    redis_port: Port | None = None
    redis_url: RedisUrl | None = None
    mlflow_tracking_uri: HttpUrl | None = None
    mlflow_auth_admin_username: str = "vigie"
    mlflow_auth_admin_password: SecretStr | None = None
    gateway_url: HttpUrl | None = None
    mlflow_url: HttpUrl | None = None
    ui_url: HttpUrl | None = None
    smtp_host: str | None = None
    smtp_port: Port = 1025
    receipt_secret: SecretStr | None = None

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(find_family(name).name for name in names)
        except KeyError as error:
            raise ValueError(error.args[0]) from None

    def families(self) -> list[Family]:
        """The families to run."""
        return [find_family(name) for name in self.models]

    def needs_mail_server(self) -> bool:
        """Whether the local mailbox would have to do where mail must be encrypted."""
        return self.vigie_env == "production" and not self.smtp_host
