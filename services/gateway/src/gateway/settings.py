"""What the gateway is told by its environment."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode

from gateway.keys import KeyRing
from vigie.catalogue import FAMILIES, Family, find_family
from vigie.settings import (
    DEVELOPMENT_SECRET,
    HttpUrl,
    RedisUrl,
    Seconds,
    SecondsFromZero,
    TracedSettings,
    family_port,
    is_http,
)


class GatewaySettings(TracedSettings):
    """Variables of the gateway; see the README's table."""

    gateway_port: int = Field(8000, ge=0, le=65535)
    models: Annotated[tuple[str, ...], NoDecode] = tuple(family.name for family in FAMILIES)
    default_model: str = Field("", validate_default=True)
    fallback: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    gateway_api_keys: str = Field("", repr=False)
    gateway_api_keys_file: Path | None = None
    rate_limit_per_second: float = Field(0, ge=0)
    gateway_allow_open: bool = False
    receipt_secret: SecretStr = DEVELOPMENT_SECRET

    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    feedback_url: HttpUrl = "http://127.0.0.1:8010"
    alerting_url: HttpUrl = "http://127.0.0.1:8020"
    predictor_url: str = "http://127.0.0.1:{port}"

    brown_out_seconds: SecondsFromZero = 0.5
    brown_out_confidence: float = Field(0.8, ge=0.5, le=1)

    canary_percent: float = Field(0, ge=0, le=100)

    predict_timeout_seconds: Seconds = 5.0
    backend_timeout_seconds: Seconds = 10.0
    queue_limit: int = Field(2048, gt=0)
    queue_burst_seconds: SecondsFromZero = 0.1
    batch_size: int = Field(64, gt=0)
    log_buffer: int = Field(50_000, gt=0)
    log_stream_entries: int = Field(100_000, gt=0)

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(find(name.strip()).name for name in names if name.strip())

    @field_validator("default_model")
    @classmethod
    def _default(cls, value: str, info: ValidationInfo) -> str:
        """`logreg` where nothing is said, or the first of MODELS where it is none of them."""
        models = info.data.get("models", ())
        return value or ("logreg" if "logreg" in models else next(iter(models), ""))

    @field_validator("fallback", mode="before")
    @classmethod
    def _chains(cls, value: str | dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """`distilbert>lightgbm>logreg,lstm>logreg`: who answers, in order, when the first of each cannot."""
        if not isinstance(value, str):
            return value
        chains = [[find(name.strip()).name for name in chain.split(">")] for chain in value.split(",") if chain.strip()]
        return {first: tuple(others) for first, *others in chains}

    @field_validator("predictor_url")
    @classmethod
    def _check_predictors(cls, value: str) -> str:
        try:
            urls = value.format(service="service", port=1).split(",")
        except (KeyError, IndexError, ValueError, AttributeError):  # another name in braces, or a brace too many
            urls = [""]
        if not all(is_http(url.strip()) for url in urls):
            raise ValueError(f"expected URLs like http://{{service}}:{{port}}, comma-separated, got {value!r}")
        return value

    @field_validator("gateway_api_keys")
    @classmethod
    def _check_keys(cls, value: str) -> str:
        KeyRing.parse(value)
        return value

    @field_validator("gateway_api_keys_file")
    @classmethod
    def _check_key_file(cls, value: Path | None) -> Path | None:
        if value:
            try:
                KeyRing.parse(value.read_text("utf-8"))
            except OSError as error:
                raise ValueError(f"expected a file with keys: {error.strerror}") from error
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default_model not in self.models:
            raise ValueError(
                f"DEFAULT_MODEL: expected one of MODELS ({', '.join(self.models)}), got {self.default_model!r}"
            )
        unknown = {name for first, others in self.fallback.items() for name in (first, *others)} - set(self.models)
        if unknown:
            raise ValueError(f"FALLBACK: expected families of MODELS, got {', '.join(sorted(unknown))}")
        if not self.has_keys() and not self.gateway_allow_open and not _is_loopback(self.vigie_host):
            raise ValueError(
                f"GATEWAY_API_KEYS: without keys VIGIE_HOST must be a loopback address, got {self.vigie_host!r}"
            )
        return self

    def weak_secrets(self) -> list[tuple[str, str]]:
        """Production also needs API keys."""
        missing = [] if self.has_keys() else [("GATEWAY_API_KEYS", "API keys are needed")]
        return super().weak_secrets() + missing

    def keys(self) -> KeyRing:
        """The keys in force at the start: those of the file, if one is named, else those of the variable."""
        file = self.gateway_api_keys_file
        return KeyRing.parse(file.read_text("utf-8") if file else self.gateway_api_keys)

    def has_keys(self) -> bool:
        """Whether a key is needed."""
        return not self.keys().is_open

    def families(self) -> list[tuple[Family, str]]:
        """Each family this gateway serves, with the base URL of its predictor."""
        families = [find_family(name) for name in self.models]
        return [
            (family, self.predictor_url.format(service=family.service, port=family_port(family))) for family in families
        ]


def find(name: str) -> Family:
    """The family of that name; raises `ValueError` (as validators must) with the known names."""
    try:
        return find_family(name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
