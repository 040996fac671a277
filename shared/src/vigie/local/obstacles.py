"""What keeps a local system from starting, in sentences that name the variable."""

import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from vigie.local.programs import Program, is_free
from vigie.local.settings import LocalSettings
from vigie.local.supervision import is_readable
from vigie.settings import ServiceSettings


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
    found += _shared_ports(wanted)
    for tool, remedy in (("redis-server", "install it or set REDIS_URL"), ("setpriv", "install util-linux")):
        if not shutil.which(tool) and any(tool in program.command or tool == "setpriv" for program in wanted):
            found.append(f"{tool} is not installed: {remedy}")
    return found


def wrong_settings(settings: LocalSettings, wanted: Iterable[Program]) -> list[str]:
    """What the services would end with, each started with the environment of this process; each sentence once."""
    found = []
    if settings.needs_mail_server():
        found.append("SMTP_HOST: in production a mail server is needed: the local mailbox takes no encrypted mail")
    for program in wanted:
        if program.package:
            found += _wrong_settings_of(program)
    return list(dict.fromkeys(found))


def _shared_ports(wanted: Iterable[Program]) -> list[str]:
    variables = defaultdict(list)
    for program in wanted:
        for variable, port in program.ports.items():
            variables[port].append(variable)
    return [
        f"{', '.join(names)}: expected a port for each, got {port} for all of them"
        for port, names in variables.items()
        if len(names) > 1
    ]


def _wrong_settings_of(program: Program) -> list[str]:
    module = import_module(f"{program.package}.settings")
    found: list[str] = []
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, ServiceSettings) and each.__module__ == module.__name__:
            try:
                each.read(vigie_host=program.host)
            except SystemExit as end:
                found += str(end).splitlines()
    return found
