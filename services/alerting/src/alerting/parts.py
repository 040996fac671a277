"""Makes the parts of the service from its settings; the HTTP application and the command line use the same ones."""

from random import random
from time import time

from redis.asyncio import Redis

from alerting.deliveries import DeliveryQueue
from alerting.housekeeping import GROUP
from alerting.mail import MailWriter, Sites
from alerting.radar.feed import RadarFeed
from alerting.retries import Pauses
from alerting.sender import Sender, SenderTiming, new_owner
from alerting.settings import AlertingSettings
from alerting.smtp import Mailer, SmtpServer
from alerting.store import AlertStore
from alerting.trial import TrialMail
from alerting.wording import English
from vigie.streams import Connected, Consumer, EventType, Handler, Stream


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
    """Composes in the language of this installation."""
    sites = Sites(gateway=settings.gateway_url, mlflow=settings.mlflow_url, ui=settings.ui_url)
    return MailWriter(English(), sites, sender=settings.alert_mail_from, reply_to=settings.alert_mail_reply_to)


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
        timing=SenderTiming(attempt=settings.smtp_timeout_seconds, poll=settings.delivery_poll_seconds),
        now_ms=now_ms,
        chance=random,
    )


def radar_feed(settings: AlertingSettings, redis: Redis) -> RadarFeed:
    """This worker's radar."""
    return RadarFeed(redis, settings.radar(), token=new_owner(settings.worker_name()), now_ms=now_ms)


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
