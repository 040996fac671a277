"""`python -m vigie.local`: checks that everything can start, then becomes the supervisor."""

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from vigie.local.obstacles import obstacles, wrong_settings
from vigie.local.programs import choose_redis_port, environment, is_mine, programs
from vigie.local.settings import LocalSettings
from vigie.local.supervision import configuration


def main() -> None:
    """Prints what is in the way and exits with 1, or runs until it is stopped."""
    settings = LocalSettings.read()
    home = settings.vigie_home.resolve()
    if not is_mine(f"vigie home {sha256(bytes(home)).hexdigest()}"):
        refuse([f"VIGIE_HOME: another Vigie{_process(home)} runs in {home}; stop it or set VIGIE_HOME"])
    try:
        path = prepare(settings, home)
    except OSError as error:
        refuse([f"VIGIE_HOME: expected a folder that can be written to, got {str(home)!r}: {error}"])
    command = [sys.executable, "-m", "vigie.local.supervisor", "-c", str(path)]
    os.execve(command[0], command, os.environ)  # noqa: S606 - our own command


def prepare(settings: LocalSettings, home: Path) -> Path:
    """Readies the folder and the environment of this process; returns supervisord's configuration.

    Raises `SystemExit` with everything that is in the way, and `OSError` when the folder cannot be used.
    """
    for folder in ("run", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    redis_port = choose_redis_port(settings)
    wanted = programs(settings, redis_port)
    os.environ.update(environment(settings, redis_port))
    if problems := obstacles(wanted, home) + wrong_settings(settings, wanted):
        refuse(problems)
    path = home / "run" / "supervisord.conf"
    ready_url = f"http://127.0.0.1:{settings.gateway_port}/readyz"
    path.write_text(configuration(wanted, home, ready_url), encoding="utf-8")
    sys.stderr.write(f"Vigie starts {', '.join(program.name for program in wanted)}; state is kept in {home}\n")
    sys.stderr.flush()
    return path


def refuse(problems: list[str]) -> NoReturn:
    """Ends the start with a line for each problem."""
    raise SystemExit("Vigie cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))


def _process(home: Path) -> str:
    """` (process 123)` of the supervisor that runs in that folder; nothing while it starts."""
    try:
        return f" (process {int((home / 'run' / 'supervisord.pid').read_text('ascii'))})"
    except (OSError, ValueError):
        return ""


if __name__ == "__main__":
    main()
