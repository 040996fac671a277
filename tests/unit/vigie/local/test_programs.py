"""Which processes a local system has."""

import os
import pwd
import shlex
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from supervisor.options import ServerOptions

from tests.support.servers import free_port, wait_for
from vigie.local.obstacles import obstacles, wrong_settings
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


def test_a_port_that_is_given_twice_is_a_sentence_with_both_variables(tmp_path: Path) -> None:
    port = free_port()
    wanted = programs(settings(tmp_path, gateway_port=port, feedback_port=port), 6380)
    assert f"FEEDBACK_PORT, GATEWAY_PORT: expected a port for each, got {port} for all of them" in obstacles(
        wanted, tmp_path
    )


def test_only_who_asks_for_keys_listens_where_the_network_can_reach_it(tmp_path: Path) -> None:
    wanted = programs(settings(tmp_path, vigie_host="0.0.0.0"), 6380)
    text = configuration(wanted, tmp_path, "http://127.0.0.1:8000/readyz")
    open_ones = {section.split("]")[0] for section in text.split("[program:")[1:] if "VIGIE_HOST=0.0.0.0" in section}
    assert open_ones == {"gateway", "ui"}
    assert text.count("VIGIE_HOST=127.0.0.1 ") == len(wanted) - len(open_ones)


def test_every_wrong_setting_of_a_service_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_ENV", "production")
    monkeypatch.setenv("SMTP_SECURITY", "starttls")
    monkeypatch.setenv("ALERT_ERRORS", "many")
    monkeypatch.setenv("RECEIPT_SECRET", "s" * 32)
    own = settings(tmp_path)
    assert not {"SMTP_HOST", "SMTP_SECURITY"} & set(environment(own, 6380)), "the mailbox does not stand in for it"
    found = wrong_settings(own, programs(own, 6380))
    assert {problem.split(":")[0] for problem in found} == {
        "SMTP_HOST",
        "MLFLOW_AUTH_ADMIN_PASSWORD",
        "ALERT_ERRORS",
        "GATEWAY_API_KEYS",
        "GATEWAY_API_KEY",
    }


def test_the_password_of_the_local_registry_reaches_whoever_logs_in_and_no_link_or_command_line(
    tmp_path: Path,
) -> None:
    own = settings(tmp_path, mlflow_auth_admin_password="p/@" + "w" * 32, mlflow_port=5001)
    told = environment(own, 6380)
    assert told["MLFLOW_TRACKING_URI"] == f"http://vigie:p%2F%40{'w' * 32}@127.0.0.1:5001"
    assert told["MLFLOW_TRACKING_PASSWORD"] == "p/@" + "w" * 32
    assert told["MLFLOW_URL"] == "http://127.0.0.1:5001"
    assert "www" not in configuration(programs(own, 6380), tmp_path, "http://127.0.0.1:8000/readyz")


def test_a_given_registry_is_linked_without_its_password(tmp_path: Path) -> None:
    own = settings(tmp_path, mlflow_tracking_uri="https://vigie:hunter2@mlflow.example.org/x")
    told = environment(own, 6380)
    assert told["MLFLOW_TRACKING_URI"] == "https://vigie:hunter2@mlflow.example.org/x"
    assert told["MLFLOW_URL"] == "https://mlflow.example.org/x"


def test_nothing_is_wrong_with_what_runs_by_default(tmp_path: Path) -> None:
    own = settings(tmp_path)
    assert wrong_settings(own, programs(own, 6380)) == []


def test_a_folder_that_cannot_be_made_is_a_sentence_with_the_variable() -> None:
    done = start(VIGIE_HOME="/dev/null/x")
    assert done.returncode == 1
    assert "VIGIE_HOME: expected a folder that can be written to, got '/dev/null/x'" in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_has_the_folder_is_told_with_its_process(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "supervisord.pid").write_text("4711\n", "ascii")
    with socket.socket(socket.AF_UNIX) as holder:
        holder.bind(f"\0vigie home {sha256(bytes(tmp_path.resolve())).hexdigest()}")
        done = start(VIGIE_HOME=str(tmp_path))
    assert f"another Vigie (process 4711) runs in {tmp_path}; stop it or set VIGIE_HOME" in done.stderr


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m vigie.local`, which is expected to refuse."""
    command = [sys.executable, "-m", "vigie.local"]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False)
