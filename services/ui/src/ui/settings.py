"""What the page is told by its environment."""

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator

from vigie.settings import Seconds, ServiceSettings, is_http

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*-]+(:\d+)?")


class UiSettings(ServiceSettings):
    """Variables of the page; see the README's table."""

    ui_port: int = Field(7860, ge=0, le=65535)
    gateway_url: str = "http://127.0.0.1:8000"
    gateway_api_key: SecretStr | None = None
    ui_root_path: str = ""
    ui_framed_by: str = ""
    ui_language: Literal["fr", "en"] = "fr"
    ui_refresh_seconds: Seconds = 15.0

    @field_validator("gateway_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if not is_http(value):
            raise ValueError("expected the URL of the gateway, http://host:port")
        return value.rstrip("/")

    @field_validator("ui_root_path")
    @classmethod
    def _check_root_path(cls, value: str) -> str:
        if value and (not value.startswith("/") or "?" in value or "#" in value):
            raise ValueError("expected a path that starts with /")
        return value.rstrip("/")

    @field_validator("ui_framed_by")
    @classmethod
    def _check_framed_by(cls, value: str) -> str:
        if value and not _ORIGIN.fullmatch(value):
            raise ValueError("expected the origin of a site, such as https://example.org")
        return value

    def weak_secrets(self: Self) -> list[tuple[str, str]]:
        """Production also needs the key that the page shows the gateway."""
        missing = (
            [] if self.gateway_api_key else [("GATEWAY_API_KEY", "a key with the scopes predict+feedback is needed")]
        )
        return super().weak_secrets() + missing
