"""`vigie-feedback`: what an operator does with the store without the API."""

import argparse
import asyncio
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from time import time
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from feedback.erasure import erase
from feedback.export import csv_lines
from feedback.history import all_feedback
from feedback.settings import FeedbackSettings
from feedback.tables import create_tables
from vigie.authors import AuthorBook, Handle
from vigie.commands import telling
from vigie.schemas import FeedbackFilter
from vigie.store import Store, open_engine, reading
from vigie.streams import PREDICTIONS, TRIALS, open_redis, read_dead, replay_dead

READ = (PREDICTIONS, TRIALS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit status 0 only on success."""
    parser = argparse.ArgumentParser(prog="vigie-feedback", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write every vote that stands as CSV")
    export.add_argument("file", nargs="?", type=Path, help="where to; standard output when missing")
    export.add_argument("--raw", action="store_true", help="untouched cells, for machines")
    dead = commands.add_parser("dead-letters", help="stream entries that could not be stored")
    dead.add_argument("action", choices=["list", "replay"])
    erasing = commands.add_parser("erase", help="remove everything that an author wrote, and print a receipt")
    whose = "the handle, as it was sent with predictions"
    erasing.add_argument("--author", required=True, type=handle, metavar="@NAME", help=whose)
    told = parser.parse_args(arguments)
    settings = FeedbackSettings.read()
    with telling("vigie-feedback"):
        if told.command == "export":
            export_votes(settings, told.file, raw=told.raw)
        elif told.command == "erase":
            asyncio.run(erase_author(settings, told.author))
        else:
            asyncio.run(dead_letters(settings, told.action))


def handle(told: str) -> str:
    """A name that somebody can have; raises `ArgumentTypeError`."""
    try:
        return TypeAdapter[str](Handle).validate_python(told)
    except ValidationError as error:
        raise ArgumentTypeError(f"{error.errors()[0]['msg']}, got {told!r}") from None


def export_votes(settings: FeedbackSettings, file: Path | None, *, raw: bool) -> None:
    """Writes the CSV of every vote that stands."""
    engine = open_engine(settings.store_url())
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            create_tables(connection)
        connection = stack.enter_context(reading(engine))
        target = stack.enter_context(file.open("w", encoding="utf-8", newline="")) if file else _standard_output()
        target.writelines(csv_lines(all_feedback(connection, FeedbackFilter()), raw=raw))


def _standard_output() -> TextIO:
    """In UTF-8, whatever the terminal's own encoding: it is a file that goes there."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return sys.stdout


async def erase_author(settings: FeedbackSettings, handle: str) -> None:
    """Erases what the handle wrote; prints a receipt that does not name it."""
    store, redis = Store(settings.store_url(), threads=1), open_redis(settings.redis_url)
    try:
        await redis.ping()  # or the store would have forgotten what Redis is to be asked for
        await store.write(create_tables)
        author = AuthorBook(settings.receipt_secret).digest(handle)
        receipt = await erase(store, redis, author, now_ms=int(time() * 1000))
        sys.stdout.write("\n".join(receipt.lines()) + "\n")
    finally:
        await redis.aclose()
        await store.close()


async def dead_letters(settings: FeedbackSettings, action: str) -> None:
    """Lists the dead letters of the streams that the service reads, or puts them back."""
    async with open_redis(settings.redis_url) as redis:
        for stream in READ:
            if action == "replay":
                sys.stdout.write(f"{await replay_dead(redis, stream)} entries of {stream.name} put back\n")
                continue
            for letter in await read_dead(redis, stream):
                sys.stdout.write(f"entry {letter.entry} of {stream.name}: {letter.reason}\n")
