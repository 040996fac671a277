"""Sends what is due: leases a delivery, composes its mail, sends it, writes down what became of it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

from alerting.deliveries import Decision, DeliveryQueue, Lease
from alerting.mail import Letter, MailWriter
from alerting.metrics import ATTEMPTS, MAIL_SECONDS
from alerting.retries import Pauses, already_resent, decide
from alerting.smtp import Answer, Ending, Envelope, Mailer, Step
from alerting.store import RAISED, RESOLVED, Clock
from vigie import tracing
from vigie.alerts import DeliveryState
from vigie.store import StoreUnavailable

LANES = 4
DIGEST = "digest"
KEEP_PAUSE_SECONDS = 0.5

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SenderTiming:
    """Seconds: the deadline of one attempt, how often to look without being woken. `quiet_ms` is told in mails.

    Alerts that have waited for `digest_ms` go to a recipient in one mail.
    """

    attempt: float = 30.0
    poll: float = 5.0
    quiet_ms: int = 900_000
    digest_ms: int = 1_800_000


class Sender:
    """A few lanes that send side by side, so that one slow recipient does not hold up the others."""

    def __init__(
        self,
        queue: DeliveryQueue,
        mailer: Mailer,
        writer: MailWriter,
        *,
        pauses: Pauses,
        timing: SenderTiming,
        now_ms: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._mailer = mailer
        self._writer = writer
        self._pauses = pauses
        self._timing = timing
        self._now_ms = now_ms
        self._chance = chance
        self._something = asyncio.Condition()
        self._taking = asyncio.Lock()
        self._looked = 0
        self._closed_until_ms = 0
        self._stopping = False
        self.last_answer = "no mail yet"

    async def wake(self) -> None:
        """Says that something may be due."""
        async with self._something:
            self._looked += 1
            self._something.notify_all()

    async def run(self) -> None:
        """Sends until `stop` is called."""
        async with asyncio.TaskGroup() as lanes:
            for _ in range(LANES):
                lanes.create_task(self._lane())

    async def stop(self) -> None:
        """Lets the mails on their way arrive, takes no new ones."""
        self._stopping = True
        await self.wake()

    async def _lane(self) -> None:
        while not self._stopping:
            looked = self._looked
            try:
                if self._now_ms() >= self._closed_until_ms and (leases := await self._take()):
                    await self._deliver(leases)
                    continue
                seconds = await self._seconds_to_wait()
            except StoreUnavailable as error:
                _LOG.warning("mails wait for the store", extra={"error": str(error)})
                seconds = self._timing.poll
            await self._wait(looked, seconds)

    async def _seconds_to_wait(self) -> float:
        due = await self._queue.next_due_ms()
        until = max(due or 0, self._closed_until_ms) if due is not None else None
        if until is None:
            return self._timing.poll
        return min(max((until - self._now_ms()) / 1000, 0.01), self._timing.poll)

    async def _wait(self, looked: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._something:
                await self._something.wait_for(lambda: self._looked != looked)
        except TimeoutError:
            pass

    async def _take(self) -> list[Lease]:
        """What the next mail tells; after an outage all alerts that waited. Empty when nothing is due, or another
        worker is taking its mail.
        """
        async with self._taking, self._queue.alone() as alone:  # else lanes would share out what belongs into one mail
            lease = await self._queue.lease() if alone else None
            if lease is None:
                return []
            since = self._now_ms() - self._timing.digest_ms
            if lease.kind != RAISED or lease.queued_ms > since or already_resent(lease):
                return [lease]
            return [lease, *await self._queue.lease_company(lease, waiting_since_ms=since)]

    async def _deliver(self, leases: Sequence[Lease]) -> None:
        over = already_resent(leases[0])
        if over:
            await self._finish(leases[0], over)
            return
        answer = await self._traced_attempt(leases)
        chance = self._chance()
        for each in leases:
            if answer.ending is not Ending.ABANDONED:
                decision = decide(each, answer, self._pauses, now_ms=self._now_ms(), chance=lambda: chance)
                await self._finish(each, decision)

    async def _traced_attempt(self, leases: Sequence[Lease]) -> Answer:
        contexts = tracing.kept(each for lease in leases for each in lease.alert.traceparents)
        said: tracing.Attributes = {"vigie.alert": leases[0].alert.alert_key, "vigie.attempt": leases[0].attempt}
        with tracing.span("mail", kind="client", contexts=contexts, attributes=said):
            answer = await self._attempt(leases)
            failure = None if answer.ending is Ending.ACCEPTED else answer.ending.value
            tracing.describe(failure=failure, attributes={"vigie.step": answer.step.value})
            self._note(leases, answer)
        return answer

    async def _attempt(self, leases: Sequence[Lease]) -> Answer:
        first = leases[0]
        try:
            message_id = self._message_id(leases)
            letter = Letter(first.recipient, message_id, first.handed_over + 1)
            data = self._compose(first, letter) if len(leases) == 1 else self._compose_digest(leases, letter)
            return await self._mailer.send(
                Envelope(self._writer.sender, first.recipient, data),
                seconds=self._timing.attempt,
                before_text=lambda: self._queue.hand_over(leases, message_id),
            )
        except Exception as error:  # one mail that cannot be made must not stop the others
            _LOG.exception("the attempt failed here", extra={"delivery": first.delivery_id})
            return Answer(Ending.DEFERRED, Step.CONNECT, f"failed before it was sent: {type(error).__name__}")

    def _message_id(self, leases: Sequence[Lease]) -> str:
        """Of what was handed over before, as it was, also when some of it is finished: a resend can be recognised.

        Else by the alerts alone: a digest that was not taken may have left its id with one that goes by itself now.
        """
        first = leases[0]
        if first.handed_over:
            return first.message_id
        if len(leases) == 1:
            return self._writer.message_id(first.alert.alert_key, first.recipient, first.kind)
        keys = "\n".join(sorted(lease.alert.alert_key for lease in leases))
        return self._writer.message_id(sha256(keys.encode()).hexdigest(), first.recipient, DIGEST)

    def _compose_digest(self, leases: Sequence[Lease], letter: Letter) -> bytes:
        told = sorted(leases, key=lambda lease: lease.alert.fired_ms)
        return self._writer.digest_mail([(lease.alert, lease.resolved_ms) for lease in told], letter)

    def _compose(self, lease: Lease, letter: Letter) -> bytes:
        if lease.kind == RESOLVED:
            over_ms = lease.resolved_ms or lease.queued_ms
            return self._writer.resolved_mail(lease.alert, letter, resolved_ms=over_ms, quiet_ms=self._timing.quiet_ms)
        return self._writer.alert_mail(lease.alert, letter)

    def _note(self, leases: Sequence[Lease], answer: Answer) -> None:
        """Counts one mail, however many alerts it tells; each of them has waited for it."""
        first, accepted = leases[0], answer.ending is Ending.ACCEPTED
        ATTEMPTS.labels(answer.ending.value).inc()
        self.last_answer = "ok" if accepted else f"{answer.ending} at {answer.step}: {answer.reply}"
        for lease in leases:
            if accepted and lease.kind == RAISED:
                MAIL_SECONDS.observe(max(0, self._now_ms() - lease.alert.newest_ms) / 1000)
        if answer.ending is Ending.UNAUTHORISED:
            self._closed_until_ms = self._now_ms() + self._pauses.auth_ms
        _LOG.log(
            logging.INFO if accepted else logging.WARNING,
            "mail attempt",
            extra={
                "alert": first.alert.alert_key,
                "alerts": len(leases),
                "recipient": first.recipient,
                "attempt": first.attempt,
                "ending": answer.ending.value,
                "step": answer.step.value,
                "reply": answer.reply,
            },
        )

    async def _finish(self, lease: Lease, decision: Decision) -> None:
        kept = await self._keep(lease, decision)
        if not kept:
            _LOG.warning("the lease was lost before the result was kept", extra={"delivery": lease.delivery_id})
        elif decision.next_attempt_ms is None and decision.state is not DeliveryState.SENT:
            _LOG.error(
                "mail is dead",
                extra={"delivery": lease.delivery_id, "recipient": lease.recipient, "reply": decision.reply},
            )

    async def _keep(self, lease: Lease, decision: Decision) -> bool:
        """Insists while the lease lasts: a result that is not kept means a second copy of the mail."""
        while True:
            try:
                return await self._queue.finish(lease, decision)
            except StoreUnavailable:
                if self._now_ms() >= lease.until_ms:
                    raise
                await asyncio.sleep(KEEP_PAUSE_SECONDS)


def new_owner(worker: str) -> str:
    """A name for this process alone, so that it never takes an older process's lease for its own."""
    return f"{worker}/{uuid4().hex[:12]}"
