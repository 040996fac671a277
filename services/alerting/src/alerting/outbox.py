"""From the stream of raised alerts to rows: an alert is acknowledged once it and its deliveries are in the store."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from alerting.mail import MailWriter
from alerting.store import AlertStore, Recipient
from vigie import tracing
from vigie.alerts import DayFigures, RaisedAlert

_LOG = logging.getLogger(__name__)


class Outbox:
    """Handles the stream `alerts`; an alert that was stored before changes nothing and mails nobody."""

    def __init__(
        self,
        store: AlertStore,
        writer: MailWriter,
        recipients: Sequence[str],
        *,
        figures: Callable[[RaisedAlert], Awaitable[DayFigures]],
        wake: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._writer = writer
        self._recipients = recipients
        self._figures = figures
        self._wake = wake

    async def keep(self, raised: Sequence[RaisedAlert]) -> None:
        """Stores alerts, then wakes the sender."""
        for alert in raised:
            contexts, said = tracing.kept(alert.traceparents), {"vigie.alert": alert.alert_key}
            with tracing.span("alert", kind="consumer", contexts=contexts, attributes=said):
                await self._keep(alert)
        await self._wake()

    async def _keep(self, alert: RaisedAlert) -> None:
        addressed = [Recipient(to, self._writer.message_id(alert.alert_key, to)) for to in self._recipients]
        told = alert.model_copy(update={"day": await self._figures(alert)})
        if not await self._store.keep(told, addressed):
            _LOG.info("the alert was known", extra={"alert": alert.alert_key})
