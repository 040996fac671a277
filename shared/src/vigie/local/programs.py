"""Which processes make up a local system, and with which environment."""

import os
import secrets
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from vigie.local.settings import LocalSettings
from vigie.settings import family_port, without_log_in

FIRST_REDIS_PORT = 6380
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Program:
    """One process. `ports` maps the variable that sets a port to its value; a `job` runs once and ends.

    The higher its `niceness`, the less of a busy processor it gets: whoever answers goes first. `host` is where it
    listens (`VIGIE_HOST`): whoever asks for no key listens on the loopback only. `package` has its settings.
    """

    name: str
    command: tuple[str, ...]
    ports: dict[str, int] = field(default_factory=dict)
    job: bool = False
    niceness: int = 0
    host: str = LOOPBACK
    package: str = ""


def programs(settings: LocalSettings, redis_port: int | None) -> list[Program]:
    """Everything to run, in the order of starting. `redis_port` is null when `REDIS_URL` names a server."""
    home = settings.vigie_home.resolve()
    found = []
    if redis_port:
        found.append(Program("redis", _redis_command(home, redis_port), {"REDIS_PORT": redis_port}))
    if not settings.smtp_host:
        mailbox = (sys.executable, "-m", "vigie.local.mailbox")
        found.append(Program("mailbox", mailbox, {"SMTP_PORT": settings.smtp_port}))
    if not settings.mlflow_tracking_uri:
        found.append(_service("mlflow", "mlflow_server", {"MLFLOW_PORT": settings.mlflow_port}))
    train = (str(Path(sys.executable).with_name("vigie-train")), "starter")
    # MLflow's client, which it uses, prints the URI: no password in that one.
    command = train if settings.mlflow_tracking_uri else ("env", f"MLFLOW_TRACKING_URI={_registry(settings)}", *train)
    found.append(Program("starter", command, job=True, niceness=10, package="vigie_training"))
    for family in settings.families():
        variable = f"PREDICTOR_{family.name.upper()}_PORT"
        package = family.service.replace("-", "_")
        found.append(_service(family.service, package, {variable: family_port(family)}))
    found.append(_service("feedback", "feedback", {"FEEDBACK_PORT": settings.feedback_port}, niceness=5))
    found.append(_service("alerting", "alerting", {"ALERTING_PORT": settings.alerting_port}, niceness=5))
    found.append(_service("gateway", "gateway", {"GATEWAY_PORT": settings.gateway_port}, host=settings.vigie_host))
    found.append(_service("ui", "ui", {"UI_PORT": settings.ui_port}, host=settings.vigie_host))
    return found


def environment(settings: LocalSettings, redis_port: int | None) -> dict[str, str]:
    """The variables that tell the programs where the others are; they win over what was set."""
    home = settings.vigie_home.resolve()
    found = {
        "VIGIE_HOME": str(home),
        "MODELS": ",".join(settings.models),
        "FEEDBACK_URL": f"http://127.0.0.1:{settings.feedback_port}",
        "ALERTING_URL": f"http://127.0.0.1:{settings.alerting_port}",
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri or _registry(settings),
        "PYTHONUNBUFFERED": "1",
    }
    found["GATEWAY_URL"] = settings.gateway_url or f"http://127.0.0.1:{settings.gateway_port}"
    found["UI_URL"] = settings.ui_url or f"http://127.0.0.1:{settings.ui_port}"
    found["MLFLOW_URL"] = settings.mlflow_url or without_log_in(found["MLFLOW_TRACKING_URI"])
    if settings.mlflow_auth_admin_password and not settings.mlflow_tracking_uri:
        found |= _log_in(settings, settings.mlflow_auth_admin_password.get_secret_value())
    if redis_port:
        found["REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
    if not settings.smtp_host and not settings.needs_mail_server():
        found |= {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(settings.smtp_port), "SMTP_SECURITY": "none"}
    if not settings.receipt_secret:
        found["RECEIPT_SECRET"] = _kept_secret(home / "secrets" / "receipt")
    return found


def choose_redis_port(settings: LocalSettings) -> int | None:
    """`REDIS_PORT`, else the first free one from 6380 up; null when `REDIS_URL` names a server."""
    if settings.redis_url:
        return None
    if settings.redis_port:
        return settings.redis_port
    ports = range(FIRST_REDIS_PORT, 65536)
    return next(port for port in ports if is_free(port) and is_mine(f"vigie redis {port}"))


def is_mine(name: str) -> bool:
    """Takes a name on this machine, for this process and what it becomes; false when another process has it.

    It is the name of an abstract socket (unix(7)): the kernel gives it back whatever becomes of the process.
    """
    taken = socket.socket(socket.AF_UNIX)
    try:
        taken.bind(f"\0{name}")
    except OSError:
        taken.close()
        return False
    os.set_inheritable(taken.detach(), True)
    return True


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _registry(settings: LocalSettings) -> str:
    return f"http://127.0.0.1:{settings.mlflow_port}"


def _log_in(settings: LocalSettings, password: str) -> dict[str, str]:
    """How predictors (by the URI) and the training job log in to the local registry."""
    user = settings.mlflow_auth_admin_username
    return {
        "MLFLOW_TRACKING_URI": f"http://{quote(user, '')}:{quote(password, '')}@127.0.0.1:{settings.mlflow_port}",
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password,
    }


def _service(name: str, package: str, ports: dict[str, int], *, niceness: int = 0, host: str = LOOPBACK) -> Program:
    return Program(name, (sys.executable, "-m", package), ports, niceness=niceness, host=host, package=package)


def _redis_command(home: Path, port: int) -> tuple[str, ...]:
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    options = ("--appendonly", "yes", "--save", "", "--dir", str(folder), "--loglevel", "warning")
    return ("redis-server", "--port", str(port), "--bind", "127.0.0.1", *options)


def _kept_secret(path: Path) -> str:
    """A secret made once and kept, so that receipts stay valid over restarts."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(32), encoding="ascii")
        unfinished.replace(path)
    return path.read_text(encoding="ascii")
