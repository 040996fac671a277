"""Log lines."""

import json
import logging
import sys

import pytest

from vigie.logs import REQUEST_ID, JsonFormatter, configure_logging


def test_a_line_is_json_with_the_request_id_and_the_extra_fields() -> None:
    record = logging.makeLogRecord(
        {"msg": "served %s", "args": ("a",), "levelname": "INFO", "name": "x", "version": "3"}
    )
    token = REQUEST_ID.set("r1")
    line = json.loads(JsonFormatter("gateway").format(record))
    REQUEST_ID.reset(token)
    assert line["message"] == "served a"
    assert (line["service"], line["request_id"], line["version"]) == ("gateway", "r1", "3")
    assert "args" not in line


def test_an_exception_is_kept_in_its_line() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    assert "ValueError: bad" in json.loads(JsonFormatter("x").format(record))["exception"]


def test_configuring_replaces_earlier_handlers(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    try:
        configure_logging("one", "info")
        configure_logging("two", "info")
        logging.getLogger("here").info("hello")
        lines = capsys.readouterr().out.splitlines()
    finally:
        logging.basicConfig(handlers=before, level=level, force=True)
    assert [json.loads(line)["service"] for line in lines] == ["two"]
