"""Real servers shared by all tests of a session."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings

from tests.support.mail import MailServer
from tests.support.servers import MlflowServer, PostgresServer, RedisServer

# By the wall clock a starved machine fails what is right; how long it takes is for the bench.
settings.register_profile("vigie", deadline=None)
settings.load_profile("vigie")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Services run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for the session; a test that stops it must start it again, or better make its own `RedisServer`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of an empty Redis database."""
    client = redis.Redis.from_url(redis_server.url)
    client.flushall()
    client.close()
    return redis_server.url


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """One MLflow server for the session: use model names of your own."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start(server.healthy, seconds=90)
    yield server
    server.stop()


@pytest.fixture
def mlflow_url(mlflow_server: MlflowServer) -> str:
    """URL of the session's MLflow server."""
    return mlflow_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the session."""
    # Not below pytest's own folder: only its owner may enter that, and PostgreSQL refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="vigie-postgres-") as folder:
        server = PostgresServer(Path(folder))
        server.start(server.accepts)
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty PostgreSQL database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield postgres_server.url.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """An SMTP server whose `mailbox.behaviour` a test may change."""
    server = MailServer()
    server.start()
    yield server
    server.stop()
