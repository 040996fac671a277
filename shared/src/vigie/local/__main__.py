"""`python -m vigie.local`: checks that everything can start, then becomes the supervisor."""

import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path

from vigie.local.programs import Program, choose_redis_port, environment, is_free, is_mine, programs
from vigie.local.settings import LocalSettings
from vigie.local.supervision import configuration, is_readable


def obstacles(wanted: list[Program], home: Path) -> list[str]:
    """Sentences on what keeps the programs from starting; empty when nothing does."""
    found = [
        f"{name}: expected a path without line ends, ' ;' and ' #', which end a setting of supervisord, got {path!r}"
        for name, path in (("VIGIE_HOME", str(home)), ("the folder of Python", sys.prefix))
        if not is_readable(path)
    ]
    found += [
        f"{variable}: port {port} for {program.name} is taken by another process; stop it or set {variable}"
        for program in wanted
        for variable, port in program.ports.items()
        if not is_free(port)
    ]
    for tool, remedy in (("redis-server", "install it or set REDIS_URL"), ("setpriv", "install util-linux")):
        if not shutil.which(tool) and any(tool in program.command or tool == "setpriv" for program in wanted):
            found.append(f"{tool} is not installed: {remedy}")
    return found


def main() -> None:
    """Prints what is in the way and exits with 1, or runs until it is stopped."""
    settings = LocalSettings.read()
    home = settings.vigie_home.resolve()
    if not is_mine(f"vigie home {sha256(bytes(home)).hexdigest()}"):
        raise SystemExit(f"Vigie cannot start:\n- VIGIE_HOME: another Vigie runs in {home}; stop it or set VIGIE_HOME")
    for folder in ("run", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    redis_port = choose_redis_port(settings)
    wanted = programs(settings, redis_port)
    if problems := obstacles(wanted, home):
        raise SystemExit("Vigie cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
    ready_url = f"http://127.0.0.1:{settings.gateway_port}/readyz"
    path = home / "run" / "supervisord.conf"
    path.write_text(configuration(wanted, home, ready_url), encoding="utf-8")
    sys.stderr.write(f"Vigie starts {', '.join(program.name for program in wanted)}; state is kept in {home}\n")
    sys.stderr.flush()
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)]
    os.execve(command[0], command, {**os.environ, **environment(settings, redis_port)})  # noqa: S606 - our own command


if __name__ == "__main__":
    main()
