"""What Redis lets its users do, with the very arguments that the containers give it."""

import re
from collections.abc import Iterator

import pytest
import redis
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from tests.architecture.sources import compose, members
from tests.support.servers import RedisServer

PASSWORD = "swordfish"
# What the client library calls differently, or by itself.
METHODS = {"del": "delete", "ping": "ping", "multi": "pipeline", "exec": "pipeline", "unwatch": "watch"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis as Compose starts it; the password is the test's."""
    command = [f">{PASSWORD}" if word.startswith(">") else word for word in compose()["redis"]["command"]]
    running = RedisServer(tmp_path_factory.mktemp("redis"), *command[1:])
    running.start()
    yield running
    running.stop()


def client(server: RedisServer, user: str | None = None, password: str | None = None) -> redis.Redis:
    """A connection as that user."""
    return redis.Redis(port=server.port, username=user, password=password, protocol=2)


def test_without_a_password_one_may_knock_and_nothing_else(server: RedisServer) -> None:
    with client(server) as anybody:
        assert anybody.ping()
        for command in (("GET", "feedback:epoch"), ("XADD", "predictions", "*", "a", "b"), ("INFO",), ("ACL", "LIST")):
            with pytest.raises(NoPermissionError):
                anybody.execute_command(*command)


def test_a_wrong_password_is_refused(server: RedisServer) -> None:
    with client(server, "vigie", "guess") as guesser, pytest.raises(AuthenticationError):
        guesser.ping()


def test_the_services_user_does_what_the_services_do(server: RedisServer) -> None:
    with client(server, "vigie", PASSWORD) as service:
        service.xadd("predictions", {"events": "[]"})
        service.xgroup_create("predictions", "feedback", id="0")
        assert service.xreadgroup("feedback", "one", {"predictions": ">"})
        assert service.xinfo_groups("predictions")
        service.xtrim("predictions", maxlen=10)
        service.set("feedback:epoch", 1)
        assert service.eval("return redis.call('ZADD', KEYS[1], 1, 'x')", 1, "error-rule:{alerts}:all:times") == 1
        assert service.eval("return redis.call('TIME')[1]", 0)
        with service.pipeline(transaction=True) as both:
            both.hset("radar:{alerts}", "a", "b").xadd("alerts", {"events": "[]"})
            assert both.execute()


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("CONFIG", "SET", "dir", "/"),
        ("KEYS", "*"),
        ("INFO",),
        ("SHUTDOWN",),
        ("REPLICAOF", "evil.example", "6379"),
        ("MODULE", "LIST"),
        ("ACL", "SETUSER", "vigie", "+@all"),
        ("SAVE",),
        ("MONITOR",),
        ("SUBSCRIBE", "x"),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        ("CLIENT", "LIST"),
        ("FUNCTION", "LIST"),
        ("SCRIPT", "FLUSH"),
        ("SORT", "alerts"),
        ("COPY", "alerts", "alerts2"),
        ("XINFO", "STREAM", "alerts"),
        ("GET", "somebody-elses-key"),
        ("SET", "somebody-elses-key", "1"),
    ],
    ids=" ".join,
)
def test_the_services_user_can_do_nothing_else(server: RedisServer, command: tuple[str, ...]) -> None:
    with client(server, "vigie", PASSWORD) as service, pytest.raises(NoPermissionError):
        service.execute_command(*command)


def test_the_services_user_may_do_what_the_services_ask_for_and_no_more() -> None:
    words = compose()["redis"]["command"]
    allowed = {word[1:] for word in words[words.index("vigie") :] if word.startswith("+")}
    text = "".join(
        path.read_text("utf-8")
        for member in members()
        for path in member.source.rglob("*")
        if path.suffix in (".py", ".lua")
    )
    asked = set(re.findall(r"\.(\w+)\(", text)) & set(dir(Redis))
    in_scripts = {name.lower() for name in re.findall(r"redis\.call\(['\"](\w+)", text)}
    unused = {
        name for name in allowed if METHODS.get(name, name.replace("|", "_")) not in asked and name not in in_scripts
    }
    assert unused == set()
    needed = in_scripts | {
        name for name in asked if re.match(r"(x[a-z]+|z(?!eros)[a-z]+|h[a-z]+|evalsha|script)(_|$)", name)
    }
    missing = needed - {name.replace("|", "_") for name in allowed} - {"xpending_range"}
    assert missing == set()
