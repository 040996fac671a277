"""The supervisor's voice: an event listener of supervisord that prints every program's lines with name and colour,
names what keeps dying, and says when everything is ready.
"""

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any

from supervisor import childutils

QUICK_DEATHS_BEFORE_NAMING = 3
NAMED_AGAIN_EVERY = 10
POLL_SECONDS = 0.5
SAY_MISSING_AFTER_SECONDS = 60.0

_COLOURS = ("36", "32", "35", "34", "33", "96", "92", "95", "94")
_SHOWN_FIELDS = ("level", "message", "time", "service", "logger")

Write = Callable[[str], object]


class Console:
    """Formats and prints; colours only when `colour` is set."""

    def __init__(self, write: Write, *, colour: bool, logs: Path) -> None:
        self._write = write
        self._colour = colour
        self._logs = logs
        self._colours: dict[str, str] = {}
        self._wheel = cycle(_COLOURS)
        self._partial: dict[str, str] = {}
        self._last: dict[str, deque[str]] = {}

    def output(self, name: str, data: str) -> None:
        """Prints the complete lines in a piece of a program's output; keeps the rest for the next piece."""
        *lines, self._partial[name] = (self._partial.get(name, "") + data).split("\n")
        for line in lines:
            self._last.setdefault(name, deque(maxlen=3)).append(line)
            self.line(name, readable(line))

    def line(self, name: str, text: str) -> None:
        """Prints one line with the program's name in its colour."""
        label = f"{name:>18} |"
        if self._colour:
            colour = self._colours.setdefault(name, next(self._wheel))
            label = f"\033[{colour}m{label}\033[0m"
        self._write(f"{label} {text}\n")

    def state(self, event: str, details: dict[str, str]) -> None:
        """Says when a program died, and names one that keeps dying."""
        name = details["processname"]
        if event == "PROCESS_STATE_EXITED":
            end_group(int(details["pid"]))
            if details.get("expected") == "0":
                self.line("vigie", f"{name} died; it is started again")
        tries = int(details.get("tries", 0))
        if event == "PROCESS_STATE_BACKOFF" and (tries == QUICK_DEATHS_BEFORE_NAMING or tries % NAMED_AGAIN_EVERY == 0):
            last = " / ".join(self._last.get(name, ())) or "it printed nothing"
            self.line("vigie", f"{name} keeps dying: {tries} quick deaths in a row, next try in {tries} s")
            self.line("vigie", f"its last lines: {last} (more in {self._logs / f'{name}.log'})")


def end_group(leader: int) -> None:
    """Ends what a dead program has left behind: a child of its own would keep the port that the next one needs."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def readable(line: str) -> str:
    """A JSON log line as `message key=value …`, with the level when it is not info; other lines as they are."""
    try:
        record: dict[str, Any] = json.loads(line)
        message = record["message"]
    except (ValueError, TypeError, KeyError):
        return line
    extra = " ".join(f"{key}={value}" for key, value in record.items() if key not in _SHOWN_FIELDS)
    level = record.get("level", "info")
    return " ".join(part for part in ("" if level == "info" else level.upper(), str(message), extra) if part)


def missing(ready_url: str) -> str | None:
    """What keeps the system from being ready, null when everything is."""
    try:
        with urllib.request.urlopen(ready_url, timeout=3) as reply:  # noqa: S310 - the URL is our own gateway's
            body = json.load(reply)
    except urllib.error.HTTPError as error:
        body = json.load(error)
    except (OSError, ValueError):
        return "the gateway does not answer yet"
    wrong = [f"{name}: {state}" for name, state in body["dependencies"].items() if state != "ok"]
    return "; ".join(wrong) or None


def watch(console: Console, ready_url: str, stop: threading.Event) -> None:
    """Says once when everything is ready, and after a minute what is still missing."""
    started, said = monotonic(), False
    while problem := missing(ready_url):
        if not said and monotonic() - started > SAY_MISSING_AFTER_SECONDS:
            console.line("vigie", f"not everything is ready after {SAY_MISSING_AFTER_SECONDS:.0f} s: {problem}")
            said = True
        if stop.wait(POLL_SECONDS):
            return
    base = ready_url.removesuffix("/readyz")
    console.line("vigie", f"everything is ready: {base} (documentation at {base}/docs); Ctrl-C stops it")


def main() -> None:
    """Speaks supervisord's event-listener protocol on standard input and output, and prints to standard error."""
    ready_url, logs = sys.argv[1:3]
    console = Console(_write_line, colour=sys.stderr.isatty(), logs=Path(logs))
    threading.Thread(target=watch, args=(console, ready_url, threading.Event()), daemon=True).start()
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        event = headers["eventname"]
        if event.startswith("PROCESS_LOG"):
            details, data = childutils.eventdata(payload)
            console.output(details["processname"], data)
        else:
            console.state(event, childutils.get_headers(payload))
        childutils.listener.ok(sys.stdout)


def _write_line(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    main()
