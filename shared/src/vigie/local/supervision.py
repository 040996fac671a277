"""The supervisord configuration for a list of programs.

supervisord restarts what dies: at once after a healthy run, with a pause one second longer each time after a quick
death. Every program dies with the supervisor (`setpriv --pdeathsig`), so that `kill -9` leaves no orphans.
"""

import os
import pwd
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from vigie.local.programs import Program

HEALTHY_AFTER_SECONDS = 5
STOP_SECONDS = 30  # requests have 10 s to end, then logs and mails some more
MANY_TRIES = 1_000_000


def configuration(programs: Iterable[Program], home: Path, ready_url: str) -> str:
    """The text of `supervisord.conf`; every `%` is doubled, or it would begin one of supervisord's expansions, which
    know the whole environment.
    """
    run, logs = home / "run", home / "logs"
    head = f"""[supervisord]
nodaemon=true
silent=true
{_user()}logfile={logs}/supervisord.log
pidfile={run}/supervisord.pid
childlogdir={logs}

[eventlistener:console]
command={_together((sys.executable, "-m", "vigie.local.console", ready_url, str(logs)))}
events=PROCESS_LOG,PROCESS_STATE
buffer_size=10000
priority=1
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0
stdout_logfile=NONE
"""
    sections = (_section(program, logs, number) for number, program in enumerate(programs, 2))
    return "".join([head, *sections]).replace("%", "%%")


def is_readable(path: str) -> bool:
    """Whether supervisord reads it as it is written: no line ends, and nothing that begins a comment."""
    return not re.search(r"[\r\n]|\s[;#]", path)


def _section(program: Program, logs: Path, priority: int) -> str:
    healthy_after = 1 if program.job else HEALTHY_AFTER_SECONDS
    log = f"{logs}/{program.name}.log".replace("%", "%%")  # supervisord expands this one twice
    return f"""
[program:{program.name}]
command={_together(("nice", "-n", str(program.niceness), "env", f"VIGIE_HOST={program.host}", *program.command))}
priority={priority}
autorestart={"unexpected" if program.job else "true"}
startsecs={healthy_after}
startretries={MANY_TRIES}
stopwaitsecs={STOP_SECONDS}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
stdout_events_enabled=true
"""


def _together(command: Iterable[str]) -> str:
    """The command as supervisord reads it: quoted, and bound to the supervisor's life."""
    return shlex.join(["setpriv", "--pdeathsig", "TERM", "--", *command])


def _user() -> str:
    """Who runs now, by the system's word and not by `LOGNAME`; supervisord takes a root without it for a mistake."""
    try:
        return f"user={pwd.getpwuid(os.getuid()).pw_name}\n"
    except KeyError:
        return ""
