"""Basic auth: one user, made anew from the settings at every start, so that a new password needs a restart only."""

import secrets
from configparser import ConfigParser
from shutil import rmtree

from mlflow_server.settings import MlflowServerSettings
from vigie.settings import sqlite_url

CACHE_SECONDS = 60


def prepare_log_in(settings: MlflowServerSettings) -> dict[str, str]:
    """Forgets the users of the last start; the variables that the server needs beside the ones it inherits.

    The password stays in its variable: nothing secret is written but what MLflow hashes. Without the
    cache MLflow would compute a slow hash at every call.
    """
    if settings.mlflow_auth_admin_password is None:
        return {}
    folder = settings.auth_folder()
    rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    config = ConfigParser(interpolation=None)
    config["mlflow"] = {
        "default_permission": "NO_PERMISSIONS",
        "database_uri": sqlite_url(folder / "users.db"),
        "auth_cache_ttl_seconds": str(CACHE_SECONDS),
    }
    with (folder / "auth.ini").open("w", encoding="utf-8") as file:
        config.write(file)
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": settings.mlflow_auth_admin_username,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }
