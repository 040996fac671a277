"""Typed, frozen settings, read once in a service's factory. Nothing else looks at the environment."""

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from vigie.catalogue import Family

MINIMUM_SECRET_LENGTH = 32
MINIMUM_PASSWORD_LENGTH = 16
DEVELOPMENT_SECRET = SecretStr("vigie-development-receipt-secret")
DEVELOPMENT_PASSWORD = SecretStr("vigiedevelopment")
DAY_SECONDS = 24 * 3600.0
LONGEST_DAYS = 36_500

Seconds = Annotated[float, Field(gt=0, le=DAY_SECONDS)]
SecondsFromZero = Annotated[float, Field(ge=0, le=DAY_SECONDS)]
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


def _check_http(url: str) -> str:
    if url and not is_http(url):
        raise ValueError("expected a URL like http://host:port or https://host")
    return url.rstrip("/")


def _check_redis(url: str) -> str:
    if not (_leads_to(url, r"rediss?") or re.match(r"unix://.", url)):
        raise ValueError("expected a URL like redis://user:password@host:6379/0, rediss://… or unix:///path")
    return url


def _check_database(url: str) -> str:
    if url and not (re.match(r"sqlite(\+\w+)?://", url) or _leads_to(url, r"postgresql(\+\w+)?", anywhere=True)):
        raise ValueError("expected a URL like sqlite:////folder/file.db or postgresql://user:password@host/database")
    return url


HttpUrl = Annotated[str, AfterValidator(_check_http)]
RedisUrl = Annotated[str, AfterValidator(_check_redis)]
DatabaseUrl = Annotated[str, AfterValidator(_check_database)]

NEEDS_PASSWORD = (
    f"a password of your own of at least {MINIMUM_PASSWORD_LENGTH} characters is needed (scheme://user:password@host)"
)


class ServiceSettings(BaseSettings):
    """What every service has. A field is the environment variable of the same name in capitals; numbers are finite."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, allow_inf_nan=False)

    vigie_env: Literal["development", "production"] = "development"
    vigie_home: Path = Path("var")
    vigie_host: str = "127.0.0.1"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """Settings from the environment; `overrides` (field names) win, for tests.

        Raises `SystemExit` naming the variable, what was expected and what came.
        """
        try:
            settings = cls(**overrides)
        except ValidationError as error:
            raise SystemExit(_in_plain_words(error)) from None
        weak = settings.weak_secrets() if settings.vigie_env == "production" else []
        if weak:
            raise SystemExit("\n".join(f"{name}: in production {reason}" for name, reason in weak))
        return settings

    def weak_secrets(self) -> list[tuple[str, str]]:
        """(variable, reason) of every secret that production must not start with; services extend it."""
        weak = [
            (name.upper(), f"a secret of at least {MINIMUM_SECRET_LENGTH} characters of your own is needed")
            for name, field in type(self).model_fields.items()
            if field.annotation is SecretStr and _is_weak(getattr(self, name))
        ]
        urls = [(name, getattr(self, name, "")) for name in ("redis_url", "database_url", "mlflow_backend_store_uri")]
        return weak + [(name.upper(), NEEDS_PASSWORD) for name, url in urls if not has_password(url)]


class TracedSettings(ServiceSettings):
    """What services have that record spans; without an endpoint nothing is recorded. The names are OpenTelemetry's."""

    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _check_endpoint(cls, value: str) -> str:
        if value and not is_http(value):
            raise ValueError("expected the URL of an OTLP receiver over HTTP, http://host:4318")
        return value


def is_http(url: str) -> bool:
    """Whether it leads to a server by HTTP."""
    return _leads_to(url, r"https?")


def without_log_in(url: str) -> str:
    """The URL as people may see it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def sqlite_url(file: Path) -> str:
    """The URL of a database as SQLAlchemy reads it; `%` and `?` in its path would lead elsewhere."""
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")


def has_password(url: str) -> bool:
    """Whether a URL carries a password worth the name (or a client's certificate), or leads to no other machine."""
    parts = urlsplit(url)
    if any(name in ("host", "hostaddr", "service") for name, _ in parse_qsl(parts.query)):
        return False  # it leads elsewhere than it seems to (libpq), and its password could be there too
    if parts.hostname in (None, "127.0.0.1", "::1", "localhost") or "sslcert=" in parts.query:
        return True
    password = SecretStr(parts.password or "")
    return len(password) >= MINIMUM_PASSWORD_LENGTH and password != DEVELOPMENT_PASSWORD


def derived_key(secret: SecretStr, purpose: str) -> bytes:
    """A 32-byte key for one purpose, so that one secret never signs two kinds of message."""
    return hashlib.blake2b(purpose.encode(), key=hashlib.sha256(secret.get_secret_value().encode()).digest()).digest()[
        :32
    ]


def family_port(family: Family) -> int:
    """Where the family's predictor listens: `PREDICTOR_<NAME>_PORT`, else the catalogue's port."""
    variable = f"PREDICTOR_{family.name.upper()}_PORT"
    value = os.environ.get(variable) or str(family.port)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise SystemExit(f"{variable}: expected a port from 1 to 65535, got {value!r}")
    return int(value)


def _leads_to(url: str, schemes: str, *, anywhere: bool = False) -> bool:
    """Whether it has one of these schemes, a port that is one, and a host unless it may lead `anywhere`."""
    try:
        parts = urlsplit(url)
        return bool(re.fullmatch(schemes, parts.scheme)) and parts.port != 0 and (anywhere or bool(parts.hostname))
    except ValueError:
        return False


def _is_weak(secret: SecretStr) -> bool:
    return len(secret.get_secret_value()) < MINIMUM_SECRET_LENGTH or secret == DEVELOPMENT_SECRET


def _in_plain_words(error: ValidationError) -> str:
    return "\n".join(_sentence(problem) for problem in error.errors())


def _sentence(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    variable = str(problem["loc"][0]).upper()
    if problem["type"] == "missing":
        return f"{variable}: expected a value, got none"
    if any(word in variable for word in ("SECRET", "PASSWORD", "KEY", "URL")):
        return f"{variable}: {message}"
    return f"{variable}: {message}, got {problem['input']!r}"
