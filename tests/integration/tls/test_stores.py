"""Redis and PostgreSQL over TLS, by URL alone: the certificate and its name are checked, or nothing is said."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import trustme
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.support.servers import PostgresServer, ServerProcess, free_port, service_user
from vigie.store import open_engine
from vigie.streams import open_redis

OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Certificates:
    """Files: an authority, a key with a certificate by it for `localhost`, and an authority that signed nothing."""

    authority: Path
    certificate: Path
    key: Path
    stranger: Path


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    """In a folder that the user `postgres` may enter."""
    with tempfile.TemporaryDirectory(prefix="vigie-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Certificates(*(folder / file for file in ("ca.pem", "server.pem", "server.key", "stranger.pem")))
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(made.authority))
        trustme.CA().cert_pem.write_to_path(str(made.stranger))
        issued.cert_chain_pems[0].write_to_path(str(made.certificate))
        issued.private_key_pem.write_to_path(str(made.key))
        yield made


@pytest.fixture(scope="module")
def redis_port(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis that speaks nothing but TLS."""
    folder, port = tmp_path_factory.mktemp("redis-tls"), free_port()
    tls = ["--tls-cert-file", str(certificates.certificate), "--tls-key-file", str(certificates.key)]
    tls += ["--tls-ca-cert-file", str(certificates.authority), "--tls-auth-clients", "no"]
    command = ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    server = ServerProcess([*command, *tls, *service_user()], port=port, log=folder / "redis.log")
    server.start()
    yield port
    server.stop()


@pytest.fixture(scope="module")
def postgres_port(certificates: Certificates) -> Iterator[int]:
    """A PostgreSQL that offers TLS."""
    with tempfile.TemporaryDirectory(prefix="vigie-postgres-") as name:
        folder = Path(name)
        for file in (certificates.certificate, certificates.key):
            shutil.copy(file, folder / file.name)
            (folder / file.name).chmod(OWNER_ONLY)
            if folder.owner() == "root":
                shutil.chown(folder / file.name, "postgres", "postgres")
        tls = {"ssl": "on", "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key"}
        options = [word for name, value in tls.items() for word in ("-c", f"{name}={value}")]
        server = PostgresServer(folder, *options)
        server.start(server.accepts)
        yield server.port
        server.stop()


async def test_redis_answers_whoever_trusts_its_certificate(redis_port: int, certificates: Certificates) -> None:
    url = f"rediss://vigie:vigie@localhost:{redis_port}/0?ssl_ca_certs={certificates.authority}"
    async with open_redis(url) as redis:
        await redis.set("feedback:epoch", 1)
        assert await redis.get("feedback:epoch") == b"1"


@pytest.mark.parametrize(
    ("host", "trusted"), [("localhost", "stranger"), ("127.0.0.1", "authority")], ids=["unknown", "wrong name"]
)
async def test_a_redis_with_another_certificate_hears_no_password(
    redis_port: int, certificates: Certificates, host: str, trusted: str
) -> None:
    url = f"rediss://vigie:vigie@{host}:{redis_port}/0?ssl_ca_certs={getattr(certificates, trusted)}"
    async with open_redis(url) as redis:
        with pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            await redis.ping()


def test_postgresql_answers_whoever_trusts_its_certificate(postgres_port: int, certificates: Certificates) -> None:
    url = f"postgresql://vigie@localhost:{postgres_port}/postgres?sslmode=verify-full"
    engine = open_engine(f"{url}&sslrootcert={certificates.authority}")
    with engine.connect() as connection:
        asked = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert connection.execute(asked).scalar() is True
    engine.dispose()


@pytest.mark.parametrize(
    ("host", "trusted", "said"),
    [("localhost", "stranger", "certificate verify failed"), ("127.0.0.1", "authority", "does not match host name")],
    ids=["unknown", "wrong name"],
)
def test_a_postgresql_with_another_certificate_is_not_asked(
    postgres_port: int, certificates: Certificates, host: str, trusted: str, said: str
) -> None:
    url = f"postgresql://vigie@{host}:{postgres_port}/postgres?sslmode=verify-full"
    engine = open_engine(f"{url}&sslrootcert={getattr(certificates, trusted)}")
    with pytest.raises(OperationalError, match=said) as refused, engine.connect():
        pass
    assert isinstance(refused.value.orig, psycopg.OperationalError)
    engine.dispose()
