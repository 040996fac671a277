"""The registry server with a password."""

from pathlib import Path

import httpx
import pytest

from tests.support.servers import MlflowServer
from vigie.registry import MlflowRegistry, NoSuchAlias, RegistryUnavailable

pytestmark = pytest.mark.timeout(300)  # two starts of the server
PASSWORD = "a-password-that-nobody-guesses-0123"
EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"


def status(server: MlflowServer, login: tuple[str, str] | None, path: str = EXPERIMENTS) -> int:
    """Status of a harmless call."""
    return httpx.get(f"{server.url}{path}", auth=login, timeout=30).status_code


def test_only_the_user_with_the_password_of_this_start_is_let_in(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path, MLFLOW_AUTH_ADMIN_PASSWORD=PASSWORD)
    server.start(server.healthy, seconds=90)
    try:
        assert status(server, None) == 401
        assert status(server, ("vigie", "password1234")) == 401
        assert status(server, ("admin", PASSWORD)) == 401
        assert status(server, ("vigie", PASSWORD)) == 200
        assert status(server, None, "/api/2.0/mlflow-artifacts/artifacts?path=x") == 401
        with pytest.raises(RegistryUnavailable, match="status 401"):
            MlflowRegistry(server.url).resolve("vigie-logreg", "champion")
        with pytest.raises(NoSuchAlias):
            MlflowRegistry(f"http://vigie:{PASSWORD}@127.0.0.1:{server.port}").resolve("vigie-logreg", "champion")
        server.stop()
        server.environment["MLFLOW_AUTH_ADMIN_PASSWORD"] = PASSWORD[::-1]
        server.start(server.healthy, seconds=90)
        assert status(server, ("vigie", PASSWORD)) == 401
        assert status(server, ("vigie", PASSWORD[::-1])) == 200
    finally:
        server.stop()
