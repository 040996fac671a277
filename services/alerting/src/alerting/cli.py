"""`vigie-alerting`: what an operator does without the API."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from alerting import parts
from alerting.answers import moment
from alerting.arguments import above_zero, whole
from alerting.calibration import calibrate
from alerting.deliveries import DeliveryQueue
from alerting.radar import commands as radar
from alerting.settings import AlertingSettings
from alerting.store import AlertStore
from vigie.commands import telling
from vigie.store import Store
from vigie.streams import ALERTS, ERASURES, FEEDBACK, open_redis, read_dead, replay_dead

ON_DATA = {"replay": radar.replay, "evaluate": radar.evaluate, "calibrate": calibrate}
READ = (FEEDBACK, ALERTS, ERASURES)
MOST_DAYS = 3650
LARGEST_ID = 2**63 - 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit status 0 only on success."""
    told = _parser().parse_args(arguments)
    settings = AlertingSettings.read()
    with telling("vigie-alerting"):
        if told.command in ON_DATA:
            ON_DATA[told.command](told, settings)
        elif told.command == "test-mail":
            asyncio.run(send_test_mail(settings))
        elif told.action == "list":
            asyncio.run(list_dead(settings))
        else:
            asyncio.run(replay(settings, told.id or None))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigie-alerting", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("test-mail", help="send a test mail to ALERT_MAIL_TO and show the mail server's answer")
    dead = commands.add_parser("dead-letters", help="mails that were given up, stream entries that could not be read")
    actions = dead.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show them")
    again = actions.add_parser("replay", help="try them again")
    again.add_argument("id", nargs="*", type=whole(1, LARGEST_ID), help="numbers of mails as listed; none: everything")
    radar.add_commands(commands)
    testing = commands.add_parser("calibrate", help="what other settings of the error rule would have mailed")
    testing.add_argument("--days", type=above_zero(MOST_DAYS), default=30.0, help="of votes, asked from the gateway")
    testing.add_argument("--json", action="store_true", help="one JSON object per line")
    return parser


async def send_test_mail(settings: AlertingSettings) -> None:
    """Prints one line per recipient; raises `VigieError` when the mail was taken for nobody."""
    result = await parts.trial_mail(settings).send()
    for recipient, reply in result.replies.items():
        print_line(f"{recipient}: {reply}")
    if not result.accepted:
        raise SystemExit("vigie-alerting: not every recipient was accepted")


async def list_dead(settings: AlertingSettings) -> None:
    """Prints dead mails, then dead stream entries."""
    async with opened_queue(settings) as queue:
        for mail in await queue.dead():
            fired = moment(mail.fired_ms).isoformat(timespec="seconds")
            print_line(
                f"mail {mail.delivery_id} {mail.state} {fired} {mail.scope} to {mail.recipient} "
                f"({mail.attempts} attempts): {mail.reply}"
            )
    async with open_redis(settings.redis_url) as redis:
        for stream in READ:
            for letter in await read_dead(redis, stream):
                print_line(f"entry {letter.entry} of {stream.name}: {letter.reason}")


async def replay(settings: AlertingSettings, mail_ids: Sequence[int] | None) -> None:
    """Queues dead mails again; without `mail_ids` all of them and the stream entries too."""
    async with opened_queue(settings) as queue:
        print_line(f"{await queue.replay(mail_ids)} mails queued again")
    if mail_ids is None:
        async with open_redis(settings.redis_url) as redis:
            for stream in READ:
                print_line(f"{await replay_dead(redis, stream)} entries of {stream.name} put back")


@asynccontextmanager
async def opened_queue(settings: AlertingSettings) -> AsyncIterator[DeliveryQueue]:
    """The queue, with its tables there."""
    sql = Store(settings.store_url(), threads=1)
    store = AlertStore(sql, now_ms=parts.now_ms)
    try:
        await store.prepare()
        yield parts.delivery_queue(settings, store)
    finally:
        await sql.close()


def print_line(line: str) -> None:
    """To standard output."""
    sys.stdout.write(line + "\n")
