"""What runs on the machine, between a cluster and a bucket that are folders: the backup of the timer, and the drill."""

import os
import re
import subprocess
import uuid
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.architecture.sources import ROOT
from tests.support.servers import PostgresServer, RedisServer

# The pod's /data is the folder of a real Redis; the rest is written down.
KUBECTL = """#!/bin/bash
echo "$*" >> "{folder}/calls"
shift 2
case "$*" in
  *DATABASE_URL*) echo -n "{database}" ;;
  *MLFLOW_BACKEND_STORE_URI*) echo -n "{mlflow}" ;;
  "exec redis-0 -- tar "*) shift 5; tar -C "{folder}/redis" "${{@: -3}}" ;;
  "exec -i redis-0 -- sh -c "*) script="${{@: -1}}"; bash -c "${{script//\\/data/{folder}/redis}}" ;;
esac
"""
AWS = """#!/bin/bash
cp -r "${{@: -2:1}}" "{folder}/bucket"
echo "${{@: -1}}" > "{folder}/key"
"""


class Machine:
    """One with a database of each kind and a Redis, and the programs that the scripts call."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self.folder = folder
        self.urls = {name: database_of_a_role(postgres, name) for name in ("vigie", "mlflow")}
        (folder / "redis").mkdir()
        self.redis = RedisServer(folder / "redis")
        encoded = {name: b64encode(url.encode()).decode() for name, url in self.urls.items()}
        programs = (("kubectl", KUBECTL.format(folder=folder, database=encoded["vigie"], mlflow=encoded["mlflow"])),)
        for name, text in (*programs, ("aws", AWS.format(folder=folder))):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A script of the machine."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "KUBECTL": "kubectl", "BUCKET": "a-bucket"}
        command = [str(ROOT / "k8s" / "ec2" / script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def write(self, value: str) -> None:
        """The same in both databases and in Redis."""
        for url in self.urls.values():
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
                connection.execute("DELETE FROM kept")
                connection.execute("INSERT INTO kept VALUES (%s)", [value])
        with redis.Redis.from_url(self.redis.url) as client:
            client.set("alerts", value)

    def read(self) -> set[str]:
        """What is in all three."""
        found = set()
        for url in self.urls.values():
            with psycopg.connect(url) as connection:
                found |= {row[0] for row in connection.execute("SELECT value FROM kept")}
        with redis.Redis.from_url(self.redis.url, decode_responses=True) as client:
            return found | {str(client.get("alerts"))}

    def calls(self) -> list[str]:
        """What the cluster was asked for that changes it, in order."""
        calls = (self.folder / "calls").read_text().splitlines()
        return [call.removeprefix("--namespace vigie ") for call in calls if " get " not in call]


@pytest.fixture
def machine(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Machine]:
    """A machine at work."""
    found = Machine(tmp_path, postgres_server)
    found.redis.start()
    yield found
    found.redis.stop()


def database_of_a_role(postgres: PostgresServer, name: str) -> str:
    """URL of a fresh database whose owner is nobody special, as in the runbook."""
    role = f"{name}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute(f"CREATE DATABASE {role} OWNER {role}".encode())
    return f"postgresql://{role}@127.0.0.1:{postgres.port}/{role}"


def test_what_the_timer_brought_to_the_bucket_comes_back_by_one_command(machine: Machine) -> None:
    machine.write("kept")
    done = machine.run("backup-to-bucket.sh")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"s3://a-bucket/backups/\d{4}-\d\d-\d\dT\d{6}Z\n", (machine.folder / "key").read_text())
    machine.write("spoilt")
    (machine.folder / "calls").unlink()
    done = machine.run("restore-on-machine.sh", str(machine.folder / "bucket"))
    assert done.returncode == 0, done.stderr
    machine.redis.stop()  # what `delete pod` does
    machine.redis.start()
    assert machine.read() == {"kept"}
    stopped, gone, redis_files, again, ready, started = machine.calls()
    assert stopped == "scale deployment --all --replicas=0"
    assert gone.startswith("wait pod --for=delete")
    assert redis_files.startswith("exec -i redis-0")
    assert again == "delete pod redis-0"
    assert ready.startswith("rollout status statefulset/redis")
    assert started == "scale deployment --all --replicas=1"


def test_after_a_backup_that_is_refused_everything_works_on(machine: Machine) -> None:
    machine.write("kept")
    assert machine.run("backup-to-bucket.sh").returncode == 0
    machine.write("newer")
    with (machine.folder / "bucket" / "redis.tar").open("ab") as file:
        file.write(b"x")
    done = machine.run("restore-on-machine.sh", str(machine.folder / "bucket"))
    assert done.returncode != 0
    assert "is not as it was written" in done.stderr
    assert machine.calls()[-1] == "scale deployment --all --replicas=1"
    assert "delete pod redis-0" not in machine.calls()
    machine.redis.stop()
    machine.redis.start()
    assert machine.read() == {"newer"}
