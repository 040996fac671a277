"""Makes the parts of the service from its settings; the HTTP application and the command line use the same ones."""

from collections.abc import Awaitable, Callable
from random import random
from time import time

from redis.asyncio import Redis

from alerting.deliveries import DeliveryQueue
from alerting.housekeeping import GROUP, Pace
from alerting.links import ActionBook, Sites
from alerting.mail import MailWriter
from alerting.pages import ActionPages
from alerting.radar.feed import RadarFeed
from alerting.radar.memory import RadarMemory
from alerting.retries import Pauses
from alerting.rule import ErrorRule
from alerting.sender import Sender, SenderTiming, new_owner
from alerting.settings import AlertingSettings
from alerting.silences import SilenceBook
from alerting.smtp import Mailer, SmtpServer
from alerting.store import ERRORS, AlertStore
from alerting.trial import TrialMail
from alerting.views import Viewer
from alerting.wording import wording_in
from vigie.alerts import DayFigures, RaisedAlert
from vigie.durations import DAY_MS, HOUR_MS
from vigie.schemas import EVERYTHING
from vigie.settings import derived_key
from vigie.streams import Connected, Consumer, EventType, Handler, Stream
from vigie.wording import Language

LANGUAGES: dict[str, tuple[Language, ...]] = {"fr": ("fr",), "en": ("en",), "both": ("fr", "en")}


def now_ms() -> int:
    """Unix time in milliseconds by this server's clock."""
    return int(time() * 1000)


def mailer(settings: AlertingSettings) -> Mailer:
    """The way to the mail server."""
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password,
        ca_file=settings.smtp_ca_file,
    )
    return Mailer(server)


def mail_writer(settings: AlertingSettings) -> MailWriter:
    """Composes in the languages of this installation."""
    sites = Sites(gateway=settings.gateway_url, mlflow=settings.mlflow_url, ui=settings.ui_url)
    viewer = Viewer(sites, action_book(settings))
    sender, reply_to = settings.alert_mail_from, settings.alert_mail_reply_to
    languages = [wording_in(language) for language in LANGUAGES[settings.alert_language]]
    return MailWriter(languages, viewer, sender=sender, reply_to=reply_to)


def action_book(settings: AlertingSettings) -> ActionBook:
    """Signs what links in mails may do."""
    return ActionBook(derived_key(settings.receipt_secret, "mail-action"))


def action_pages(settings: AlertingSettings, silences: SilenceBook) -> ActionPages:
    """What the links in mails open."""
    alerts_at = settings.ui_url or (f"{settings.gateway_url}/alerts" if settings.gateway_url else "")
    return ActionPages(action_book(settings), silences, now_ms, alerts_at=alerts_at)


def day_figures(rule: ErrorRule, memory: RadarMemory) -> Callable[[RaisedAlert], Awaitable[DayFigures]]:
    """Counts errors and predictions of the hour that runs and the 23 before it.

    Those of one version for an alert of its errors where each version has a rule of its own (`ALERT_SCOPE`).
    """

    async def figures(alert: RaisedAlert) -> DayFigures:
        hour = now_ms() // HOUR_MS
        answered = await memory.answered(hour - 23, hour)
        scopes = [EVERYTHING] if rule.parameters.scope == "all" else sorted(answered)
        predictions = answered.total()
        if rule.parameters.scope == "model" and alert.rule == ERRORS:
            scopes, predictions = [alert.scope], answered[alert.scope]
        errors = [await rule.errors_since(scope, (hour - 23) * HOUR_MS) for scope in scopes]
        return DayFigures(errors=sum(errors), predictions=predictions)

    return figures


def trial_mail(settings: AlertingSettings) -> TrialMail:
    """Test mails to everybody who gets alerts."""
    return TrialMail(
        mailer(settings),
        mail_writer(settings),
        settings.alert_mail_to,
        seconds=settings.smtp_test_timeout_seconds,
        now_ms=now_ms,
    )


def delivery_queue(settings: AlertingSettings, store: AlertStore) -> DeliveryQueue:
    """The queue as this process sees it."""
    owner = new_owner(settings.worker_name())
    return DeliveryQueue(store, owner=owner, lease_ms=round(settings.delivery_lease_seconds * 1000))


def sender(settings: AlertingSettings, queue: DeliveryQueue) -> Sender:
    """Sends what is in the queue."""
    return Sender(
        queue,
        mailer(settings),
        mail_writer(settings),
        pauses=pauses(settings),
        timing=SenderTiming(
            attempt=settings.smtp_timeout_seconds,
            poll=settings.delivery_poll_seconds,
            quiet_ms=round(settings.alert_resolve_seconds * 1000),
            digest_ms=round(settings.alert_digest_seconds * 1000),
        ),
        now_ms=now_ms,
        chance=random,
    )


def radar_feed(settings: AlertingSettings, redis: Redis) -> RadarFeed:
    """This worker's radar."""
    return RadarFeed(redis, settings.radar(), token=new_owner(settings.worker_name()), now_ms=now_ms)


def pace(settings: AlertingSettings) -> Pace:
    """Of the housekeeping."""
    return Pace(
        every_seconds=settings.housekeeping_seconds,
        quiet_ms=round(settings.alert_resolve_seconds * 1000),
        kept_ms=settings.retention_alerts_days * DAY_MS,
        radar_reads=settings.radar_enabled,
    )


def consumer(
    settings: AlertingSettings,
    redis: Redis,
    stream: Stream[EventType],
    handle: Handler[EventType],
    on_connected: Connected | None = None,
) -> Consumer[EventType]:
    """This worker's place among the readers of a stream."""
    return Consumer(
        redis,
        stream,
        group=GROUP,
        name=settings.worker_name(),
        handle=handle,
        on_connected=on_connected,
        claim_every=settings.stream_claim_every_seconds,
        claim_idle_ms=round(settings.stream_claim_seconds * 1000),
    )


def pauses(settings: AlertingSettings) -> Pauses:
    """In milliseconds."""
    return Pauses(
        first_ms=round(settings.smtp_retry_seconds * 1000),
        limit_ms=round(settings.smtp_retry_limit_seconds * 1000),
        unreachable_limit_ms=round(settings.smtp_unreachable_limit_seconds * 1000),
        give_up_ms=round(settings.smtp_give_up_seconds * 1000),
        ambiguous_ms=round(settings.smtp_ambiguous_seconds * 1000),
        auth_ms=round(settings.smtp_auth_pause_seconds * 1000),
    )
