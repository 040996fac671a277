"""Alerts to be kept, with the clock in the test's hands."""

from dataclasses import dataclass

from alerting.deliveries import DeliveryQueue
from alerting.store import AlertStore, Recipient
from tests.support.alerts import error_state
from vigie.alerts import RaisedAlert, RaisedError

NOON = 1_790_000_000_000
MINUTE = 60_000


@dataclass
class Clock:
    """Stands still until it is set."""

    now: int = NOON

    def __call__(self) -> int:
        return self.now


def raised(key: str, *, fired_ms: int = NOON, scope: str = "all", suppressed: int = 4) -> RaisedAlert:
    """Of three errors of its own."""
    errors = [RaisedError(at_ms=fired_ms - 9 + n, state=error_state(f"{key}{n}", fired_ms - 9 + n)) for n in range(3)]
    return RaisedAlert(
        alert_key=key,
        scope=scope,
        rule="errors",
        fired_ms=fired_ms,
        window_ms=300_000,
        cooldown_ms=900_000,
        suppressed_before=suppressed,
        errors=errors,
    )


def to(*addresses: str) -> list[Recipient]:
    """With a Message-ID each."""
    return [Recipient(address, f"<{address}>") for address in addresses]


def queue_of(store: AlertStore, owner: str = "one") -> DeliveryQueue:
    """As that worker sees it."""
    return DeliveryQueue(store, owner=owner, lease_ms=MINUTE)


def message_id(about: str, recipient: str, kind: str) -> str:
    """Of a mail of that kind."""
    return f"<{kind}.{about}.{recipient}>"
