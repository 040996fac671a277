"""Which processes a local system has."""

import os
import pwd
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from supervisor.options import ServerOptions

from tests.support.servers import wait_for
from vigie.local.__main__ import obstacles
from vigie.local.programs import choose_redis_port, environment, is_free, is_mine, programs
from vigie.local.settings import LocalSettings
from vigie.local.supervision import configuration


def settings(home: Path, **values: object) -> LocalSettings:
    return LocalSettings.read(vigie_home=home, **values)


def test_everything_runs_by_default(tmp_path: Path) -> None:
    names = [program.name for program in programs(settings(tmp_path), 6380)]
    assert names == [
        "redis",
        "mailbox",
        "mlflow",
        "starter",
        "predictor-logreg",
        "feedback",
        "alerting",
        "gateway",
        "ui",
    ]


def test_what_is_given_by_url_is_not_started(tmp_path: Path) -> None:
    own = settings(
        tmp_path, redis_url="redis://127.0.0.1:1/0", smtp_host="mail.test", mlflow_tracking_uri="http://127.0.0.1:2"
    )
    assert choose_redis_port(own) is None
    names = {program.name for program in programs(own, None)}
    assert not names & {"redis", "mailbox", "mlflow"}
    told = environment(own, None)
    assert told["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:2"
    assert not {"REDIS_URL", "SMTP_HOST"} & set(told)


def test_the_receipt_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = environment(settings(tmp_path), 6380)["RECEIPT_SECRET"]
    assert len(first) == 64
    assert environment(settings(tmp_path), 6380)["RECEIPT_SECRET"] == first
    assert (tmp_path / "secrets" / "receipt").stat().st_mode & 0o077 == 0


def test_a_taken_port_is_a_sentence_with_the_variable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        found = obstacles(programs(settings(tmp_path, gateway_port=port), 6380), tmp_path)
    assert any(f"GATEWAY_PORT: port {port} for gateway is taken" in problem for problem in found)


def test_a_name_is_had_by_one_process_and_by_what_it_becomes() -> None:
    name = f"vigie test {uuid4().hex}"
    holding = """
import os, sys
from vigie.local.programs import is_mine
assert is_mine(sys.argv[1])
os.execlp("cat", "cat")
"""
    holder = subprocess.Popen([sys.executable, "-c", holding, name], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: Path(f"/proc/{holder.pid}/comm").read_text("ascii") == "cat\n", what="another program")
        assert not is_mine(name)
    finally:
        holder.communicate(timeout=10)
    assert is_mine(name)


def test_whoever_starts_it_is_named_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    text = configuration([], tmp_path, "http://127.0.0.1:8000/readyz")
    assert f"\nuser={pwd.getpwuid(os.getuid()).pw_name}\n" in text


@pytest.mark.parametrize("name", ["50%s", "100%", "%(ENV_SMTP_PASSWORD)s", "%%", 'it\'s a "home" = [x]'])
def test_every_path_is_read_by_the_supervisor_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    home, path = tmp_path / name, tmp_path / "supervisord.conf"
    (home / "logs").mkdir(parents=True)
    (home / "run").mkdir()
    path.write_text(configuration(programs(settings(home), 6380), home, "http://127.0.0.1:8000/readyz"), "utf-8")
    options = ServerOptions()
    options.realize(["-c", str(path)])
    assert options.logfile == f"{home}/logs/supervisord.log"
    assert options.pidfile == f"{home}/run/supervisord.pid"
    assert options.childlogdir == f"{home}/logs"
    redis = next(group for group in options.process_group_configs if group.name == "redis").process_configs[0]
    assert redis.stdout_logfile == f"{home}/logs/redis.log"
    assert f"{home}/redis" in shlex.split(redis.command)


@pytest.mark.parametrize("name", ["a ;b", "a\t#b", "a\nb", "a\rb"])
def test_a_path_that_the_supervisor_would_cut_is_a_sentence(tmp_path: Path, name: str) -> None:
    assert any("VIGIE_HOME: expected a path without" in problem for problem in obstacles([], tmp_path / name))
    assert obstacles([], tmp_path / "a;b#c") == []


def test_an_unknown_family_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"MODELS: expected one of .*, got 'oracle'"):
        settings(tmp_path, models="oracle")


def test_every_program_dies_with_the_supervisor_and_is_restarted(tmp_path: Path) -> None:
    text = configuration(programs(settings(tmp_path), 6380), tmp_path, "http://127.0.0.1:8000/readyz")
    assert text.count("setpriv --pdeathsig TERM --") == 10
    assert text.count("autorestart=true") == 8
    assert text.count("autorestart=unexpected") == 1


def test_whoever_answers_goes_before_who_is_told_of_it(tmp_path: Path) -> None:
    niceness = {program.name: program.niceness for program in programs(settings(tmp_path), 6380)}
    assert niceness["gateway"] == niceness["predictor-logreg"] == niceness["redis"] == 0
    assert niceness["starter"] > niceness["feedback"] == niceness["alerting"] > 0
    assert " nice -n 5 " in configuration(programs(settings(tmp_path), 6380), tmp_path, "http://127.0.0.1:8000/readyz")
