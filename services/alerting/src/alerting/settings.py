"""What the alerting service is told by its environment."""

from dataclasses import replace
from email.headerregistry import Address
from pathlib import Path
from socket import gethostname
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from alerting.radar.parameters import ErrorRates, RadarParameters
from alerting.rule import RuleParameters
from vigie.settings import (
    DAY_SECONDS,
    DEVELOPMENT_SECRET,
    LONGEST_DAYS,
    DatabaseUrl,
    HttpUrl,
    RedisUrl,
    Seconds,
    TracedSettings,
    sqlite_url,
)

LONGEST_SECONDS = 30 * DAY_SECONDS

Share = Annotated[float, Field(ge=0, le=1)]
LongSeconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]
WindowSeconds = Annotated[float, Field(ge=0.001, le=DAY_SECONDS)]  # what feedback publishes again after a loss of Redis


class AlertingSettings(TracedSettings):
    """Variables of the alerting service; see the README's table."""

    alerting_port: int = Field(8020, ge=0, le=65535)
    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    database_url: DatabaseUrl = ""

    alert_errors: int = Field(3, ge=1, le=1000)
    alert_window_seconds: WindowSeconds = 300.0
    alert_cooldown_seconds: float = Field(900.0, ge=0, le=LONGEST_SECONDS)
    alert_scope: Literal["all", "model"] = "all"
    alert_resolve_seconds: LongSeconds = 900.0

    alert_language: Literal["fr", "en", "both"] = "both"
    receipt_secret: SecretStr = DEVELOPMENT_SECRET
    alert_mail_from: str = "vigie@localhost"
    alert_mail_to: Annotated[tuple[str, ...], NoDecode] = ("ops@localhost",)
    alert_mail_reply_to: str = ""
    gateway_url: HttpUrl = "http://127.0.0.1:8000"
    mlflow_url: HttpUrl = ""
    ui_url: HttpUrl = ""

    gateway_api_key: SecretStr | None = None

    radar_enabled: bool = True
    radar_threshold_all: float = Field(4.0, gt=0)
    radar_threshold_topic: float = Field(4.3, gt=0)
    radar_quiet_minutes: int = Field(60, ge=1, le=1440)
    radar_topics: int = Field(100, ge=1, le=1000)
    radar_hit_rate: Share = 0.94
    radar_false_rate: Share = 0.4

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(1025, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr | None = None
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_ca_file: Path | None = None
    smtp_timeout_seconds: Seconds = 30.0
    smtp_test_timeout_seconds: Seconds = 8.0
    smtp_retry_seconds: Seconds = 3.0
    smtp_retry_limit_seconds: Seconds = 900.0
    smtp_unreachable_limit_seconds: Seconds = 60.0
    smtp_give_up_seconds: LongSeconds = DAY_SECONDS
    smtp_ambiguous_seconds: Seconds = 120.0
    smtp_auth_pause_seconds: Seconds = 300.0

    retention_alerts_days: int = Field(365, ge=2, le=LONGEST_DAYS)
    delivery_lease_seconds: Seconds = 60.0
    delivery_poll_seconds: Seconds = 5.0
    alert_digest_seconds: LongSeconds = 1800.0
    stream_claim_seconds: Seconds = 60.0
    stream_claim_every_seconds: Seconds = 15.0
    housekeeping_seconds: Seconds = 5.0

    @field_validator("alert_mail_to", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

    @field_validator("alert_mail_to")
    @classmethod
    def _check_recipients(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ValueError("expected at least one address")
        return tuple(_address(name) for name in names)

    @field_validator("alert_mail_from", "alert_mail_reply_to")
    @classmethod
    def _check_address(cls, name: str) -> str:
        return _address(name) if name else name

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.delivery_lease_seconds <= self.smtp_timeout_seconds:
            raise ValueError(
                f"DELIVERY_LEASE_SECONDS: expected more than SMTP_TIMEOUT_SECONDS ({self.smtp_timeout_seconds:g}), "
                f"got {self.delivery_lease_seconds:g}"
            )
        if self.radar_hit_rate <= self.radar_false_rate:
            raise ValueError(
                f"RADAR_HIT_RATE: expected more than RADAR_FALSE_RATE ({self.radar_false_rate:g}), "
                f"got {self.radar_hit_rate:g}"
            )
        if bool(self.smtp_username) != bool(self.smtp_password):
            raise ValueError("SMTP_PASSWORD: expected SMTP_USERNAME and SMTP_PASSWORD both, or neither")
        return self

    def weak_secrets(self) -> list[tuple[str, str]]:
        """Production also needs mail that nobody can read on its way."""
        plain = [("SMTP_SECURITY", "starttls or tls is needed")] if self.smtp_security == "none" else []
        return super().weak_secrets() + plain

    def store_url(self) -> str:
        """`DATABASE_URL`, else SQLite in `VIGIE_HOME`."""
        return self.database_url or sqlite_url(self.vigie_home.resolve() / "alerting.db")

    def worker_name(self) -> str:
        """The same after a restart, another one for a second worker: it owns entries of the streams."""
        return f"{gethostname()}-{self.alerting_port}"

    def rule(self) -> RuleParameters:
        """The error rule in whole milliseconds."""
        return RuleParameters(
            needed=self.alert_errors,
            window_ms=round(self.alert_window_seconds * 1000),
            cooldown_ms=round(self.alert_cooldown_seconds * 1000),
            scope=self.alert_scope,
        )

    def radar(self) -> RadarParameters:
        """How the radar watches."""
        usual = RadarParameters()
        quiet = self.radar_quiet_minutes
        return replace(
            usual,
            everything=replace(usual.everything, threshold=self.radar_threshold_all, quiet=quiet),
            topic=replace(usual.topic, threshold=self.radar_threshold_topic, quiet=quiet),
            errors=ErrorRates(hit=self.radar_hit_rate, false=self.radar_false_rate),
            scopes=self.radar_topics + 1,
        )


def _address(name: str) -> str:
    """A bare mail address in ASCII; raises `ValueError` for anything else."""
    try:
        address = Address(addr_spec=name)
    except (ValueError, IndexError) as error:
        raise ValueError("expected a mail address such as ops@example.org") from error
    if not (address.username and address.domain and name.isascii() and name.isprintable()):
        raise ValueError("expected a mail address such as ops@example.org")
    return name
