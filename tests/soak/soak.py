"""One soak: the system of `make run` under load while its services end, and what was left in it afterwards."""

import asyncio
import mailbox
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic

import httpx

from tests.soak.calamities import Havoc
from tests.soak.client import Client
from tests.soak.driver import CLIENTS, Driver
from tests.soak.memory import MemoryWatch
from tests.soak.report import Report
from tests.soak.tally import Mail, Tally, Vote, faults, further_copies, lost_votes
from tests.support.servers import wait_for
from tests.support.system import LocalSystem
from vigie.alerts import Alert, AlertPage, DeliveryState
from vigie.schemas import FeedbackPage
from vigie_training.data import sample_texts

RATE = 100.0
COOLDOWN_SECONDS = "5"
SETTLE_SECONDS = 90.0


def soak(home: Path, *, seconds: float, seed: int) -> Report:
    """Starts a system in `home`, drives it, ends services, waits until it is at rest, and counts."""
    system = LocalSystem(home, ALERT_COOLDOWN_SECONDS=COOLDOWN_SECONDS)
    system.start(240)
    try:
        return _drive(system, seconds, seed)
    finally:
        system.stop()


def _drive(system: LocalSystem, seconds: float, seed: int) -> Report:
    tally, havoc, memory, over = Tally(), Havoc(system, seed), MemoryWatch(system), threading.Event()
    calamities = threading.Thread(target=havoc.run, args=[seconds, over])
    memory.start()
    calamities.start()
    started = monotonic()
    try:
        standing = asyncio.run(_load(system, tally, havoc, seconds, seed))
    finally:
        over.set()
        calamities.join()
        grown = memory.stop()
    took = monotonic() - started
    with suppress(TimeoutError):
        wait_for(lambda: system.complete() and not _unsent(_alerts(system)), seconds=SETTLE_SECONDS, what="rest")
    alerts, mails = _alerts(system), list(_mails(system))
    kills = [each.unix for each in havoc.endings if (each.service, each.sign) == ("alerting", signal.SIGKILL)]
    lost, copies = lost_votes(standing, _stored(system)), further_copies(mails, kills)
    different = len({mail.message_id for mail in mails})
    found = faults(
        tally,
        most_in_flight=CLIENTS * sum(ending.service == "gateway" for ending in havoc.endings),
        lost=len(lost),
        copies=copies,
        alerts=len(alerts),
        mails=different,
        unsent=_unsent(alerts),
    )
    found += [
        f"{each.service} did not come back after {each.sign.name}" for each in havoc.endings if not each.back_after
    ]
    return Report(
        seed=seed,
        seconds=took,
        tally=tally,
        endings=havoc.endings,
        memory=grown,
        votes=len(standing),
        lost=len(lost),
        alerts=len(alerts),
        mails=different,
        copies=copies,
        faults=found,
    )


async def _load(system: LocalSystem, tally: Tally, havoc: Havoc, seconds: float, seed: int) -> list[Vote]:
    client = Client(system.url, tally, havoc.gateway_away, CLIENTS)
    try:
        driver = Driver(client, tally, sample_texts(), rate=RATE, chance=Random(seed))
        await driver.run(seconds)
        return list(driver.standing.values())
    finally:
        await client.close()


def _stored(system: LocalSystem) -> Iterator[Vote]:
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = FeedbackPage.model_validate_json(_get(system, "/feedback", query))
        yield from (Vote(each.prediction_id, each.annotator, each.verdict, each.feedback_id) for each in page.items)
        cursor = page.next_cursor


def _alerts(system: LocalSystem) -> list[Alert]:
    found: list[Alert] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = AlertPage.model_validate_json(_get(system, "/alerts", query))
        found += page.items
        cursor = page.next_cursor
    return found


def _unsent(alerts: list[Alert]) -> int:
    return sum(mail.state is not DeliveryState.SENT for alert in alerts for mail in alert.deliveries)


def _mails(system: LocalSystem) -> Iterator[Mail]:
    for message in mailbox.Maildir(system.home / "mailbox", create=False):
        yield Mail(str(message["Message-ID"]), message.get_date())


def _get(system: LocalSystem, path: str, query: dict[str, str | int]) -> bytes:
    reply = httpx.get(f"{system.url}{path}", params=query, timeout=30)
    reply.raise_for_status()
    return reply.content
