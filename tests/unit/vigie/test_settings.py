"""Settings: what the environment says, and how a wrong one is told."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from vigie.catalogue import FAMILIES, find_family
from vigie.settings import (
    DEVELOPMENT_SECRET,
    DatabaseUrl,
    Days,
    HttpUrl,
    RedisUrl,
    Seconds,
    SecondsFromZero,
    ServiceSettings,
    derived_key,
    family_port,
)


class ExampleSettings(ServiceSettings):
    """Some settings."""

    example_port: int = Field(1, ge=1)
    example_secret: SecretStr = DEVELOPMENT_SECRET
    example_limit: float = 1.0
    example_timeout: Seconds = 1.0
    example_pause: SecondsFromZero = 0.0
    example_days: Days = 1


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "")
    monkeypatch.setenv("VIGIE_HOME", "/somewhere")
    settings = ExampleSettings.read()
    assert settings.example_port == 1
    assert settings.vigie_home == Path("/somewhere")


def test_a_wrong_value_is_told_with_variable_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "many")
    with pytest.raises(SystemExit, match=r"EXAMPLE_PORT: .*valid integer.*got 'many'"):
        ExampleSettings.read()


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "0")
    monkeypatch.setenv("VIGIE_ENV", "test")
    with pytest.raises(SystemExit) as stopped:
        ExampleSettings.read()
    assert "EXAMPLE_PORT" in str(stopped.value)
    assert "VIGIE_ENV" in str(stopped.value)


@pytest.mark.parametrize("field", ["example_limit", "example_timeout", "example_pause"])
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "Infinity"])
def test_what_has_no_end_stops_the_start(field: str, value: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: Input should be a finite number, got '{value}'"):
        ExampleSettings.read(**{field: value})


@pytest.mark.parametrize("field", ["example_timeout", "example_pause"])
def test_no_patience_is_longer_than_a_day(field: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: Input should be less than or equal to 86400, got '1e10'"):
        ExampleSettings.read(**{field: "1e10"})
    assert getattr(ExampleSettings.read(**{field: "86400"}), field) == 86_400


def test_nothing_is_kept_for_longer_than_a_hundred_years() -> None:
    with pytest.raises(SystemExit, match="EXAMPLE_DAYS: Input should be less than or equal to 36500, got 36501"):
        ExampleSettings.read(example_days=36_501)


@pytest.mark.parametrize("secret", [DEVELOPMENT_SECRET.get_secret_value(), "", "short"])
def test_production_refuses_a_weak_secret_without_showing_it(secret: str) -> None:
    with pytest.raises(SystemExit, match="EXAMPLE_SECRET: in production a secret of at least 32") as stopped:
        ExampleSettings.read(vigie_env="production", example_secret=secret)
    assert not secret or secret not in str(stopped.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(ExampleSettings.read(), "example_port", 2)  # noqa: B010 - the type checker knows it too


def test_keys_of_different_purposes_differ() -> None:
    keys = {derived_key(DEVELOPMENT_SECRET, purpose) for purpose in ("receipt", "silence")}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {32}


def test_a_familys_port_follows_its_variable_else_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    family = find_family("logreg")
    monkeypatch.delenv("PREDICTOR_LOGREG_PORT", raising=False)
    assert family_port(family) == family.port
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", "9999")
    assert family_port(family) == 9999


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PREDICTOR_LOGREG_PORT", value)
    with pytest.raises(SystemExit, match="PREDICTOR_LOGREG_PORT: expected a port"):
        family_port(find_family("logreg"))


def test_an_unknown_family_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="expected one of logreg"):
        find_family("oracle")


def test_ports_and_names_of_families_differ() -> None:
    assert len({family.name for family in FAMILIES}) == len({family.port for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("url", ["http://one:1", "http://one:1/", "http://one:1//"])
def test_a_path_can_be_added_to_a_url_with_and_without_a_slash_at_its_end(url: str) -> None:
    assert KeepingSettings.read(example_url=url).example_url == "http://one:1"


class KeepingSettings(ServiceSettings):
    """Settings of a service that uses Redis and a database."""

    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    database_url: DatabaseUrl = ""
    example_url: HttpUrl = ""


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis:6379/0",
        "rediss://vigie@redis:6379/0",
        "redis://:@redis/0",
        "redis://vigie:short@redis/0",
        "redis://vigie:vigiedevelopment@redis:6379/0",
    ],
)
def test_production_refuses_a_redis_that_asks_nobody_for_a_password(url: str) -> None:
    with pytest.raises(SystemExit, match="REDIS_URL: in production a password of your own") as stopped:
        KeepingSettings.read(vigie_env="production", redis_url=url)
    assert url not in str(stopped.value)


@pytest.mark.parametrize("url", [f"redis://vigie:{'s' * 32}@redis:6379/0", "redis://127.0.0.1:6379/0"])
def test_production_takes_a_redis_with_a_password_or_on_this_machine(url: str) -> None:
    assert KeepingSettings.read(vigie_env="production", redis_url=url).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vigie@db/vigie",
        "postgresql://vigie:vigie@db/vigie",
        "postgresql:///vigie?host=db",
        "postgresql://localhost/vigie?hostaddr=10.0.0.7",
    ],
)
def test_production_refuses_a_database_that_asks_nobody_for_a_password(url: str) -> None:
    with pytest.raises(SystemExit, match="DATABASE_URL: in production a password of your own"):
        KeepingSettings.read(vigie_env="production", database_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:////data/feedback.db",
        "postgresql://vigie@127.0.0.1/vigie",
        f"postgresql://vigie:{'s' * 32}@db/vigie?sslmode=verify-full",
        "postgresql://vigie@db/vigie?sslmode=verify-full&sslcert=/tls/vigie.pem",
    ],
)
def test_production_takes_a_database_that_knows_who_asks(url: str) -> None:
    assert KeepingSettings.read(vigie_env="production", database_url=url).database_url == url


def test_development_takes_every_password() -> None:
    assert KeepingSettings.read(redis_url="redis://redis/0", database_url="postgresql://db/vigie")


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("redis_url", "localhost:6379"),
        ("redis_url", "http://localhost:6379"),
        ("redis_url", "redis://"),
        ("redis_url", "redis://vigie:hunter/2@redis:6379/0"),
        ("redis_url", "redis://:hunter2@redis:99999/0"),
        ("database_url", "postgres://vigie:hunter2@db/vigie"),
        ("database_url", "/somewhere/hunter2.db"),
        ("database_url", "postgresql://vigie:hunter2@db:port/vigie"),
        ("example_url", "gateway:8000"),
        ("example_url", "ftp://vigie:hunter2@gateway"),
        ("example_url", "http://"),
        ("example_url", "http://[::1"),
    ],
)
def test_a_url_that_leads_nowhere_stops_the_start_without_showing_a_password(field: str, url: str) -> None:
    with pytest.raises(SystemExit, match=f"{field.upper()}: expected a URL like ") as stopped:
        KeepingSettings.read(**{field: url})
    assert "hunter" not in str(stopped.value)


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("redis_url", "rediss://vigie:secret@redis/0"),
        ("redis_url", "unix:///run/redis.sock?db=1"),
        ("database_url", "sqlite:////data/feedback.db"),
        ("database_url", "postgresql+psycopg://vigie@[::1]:5432/vigie"),
        ("database_url", "postgresql:///vigie?host=/run/postgresql"),
        ("example_url", "https://gateway.example.org/vigie"),
        ("example_url", ""),
    ],
)
def test_a_url_that_leads_somewhere_is_taken_as_it_is(field: str, url: str) -> None:
    assert getattr(KeepingSettings.read(**{field: url}), field) == url
