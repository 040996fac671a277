"""The tables: every alert, one delivery per alert and recipient, what was decided, what was erased.

Times are Unix milliseconds.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vigie.store import create_missing

METADATA = MetaData()
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")
_ADVISORY_LOCK = 7_310_448_202

alerts = Table(
    "alerts",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("alert_key", String(64), nullable=False, unique=True),
    Column("scope", String(200), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("fired_ms", BigInteger, nullable=False),
    Column("newest_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Column("told", Text, nullable=False),  # the RaisedAlert as JSON: a resend tells the same
    Column("false_alarm_ms", BigInteger),
    Column("silence_id", String(32)),
    Index("alerts_fired", "fired_ms"),
)

deliveries = Table(
    "alert_deliveries",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("alert_id", _ROW_ID, ForeignKey(alerts.c.id), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("message_id", String(998), nullable=False),
    Column("state", String(16), nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    # How often the text was handed over without an answer: the mail may have arrived.
    Column("handed_over", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger),
    Column("lease_owner", String(200)),
    Column("lease_until_ms", BigInteger),
    Column("reply", String(500)),
    Column("finished_ms", BigInteger),
    UniqueConstraint("alert_id", "kind", "channel", "recipient"),
    Index("alert_deliveries_due", "state", "next_attempt_ms"),
)

silences = Table(
    "alert_silences",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("silence_id", String(32), nullable=False, unique=True),
    Column("scope", String(200), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("reason", String(200)),
)

audit = Table(
    "alert_audit",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("scope", String(200), nullable=False),
    Column("subject", String(400), nullable=False),  # a prediction or an alert
    Column("revision", Integer),
    Column("what", String(32), nullable=False),
    Column("detail", String(500)),
    Index("alert_audit_at", "at_ms"),
)

erasures = Table(
    "alert_erasures",
    METADATA,
    Column("erasure_id", String(64), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("told", Text, nullable=False),  # the Erasure as JSON
)


def create_tables(connection: Connection) -> None:
    """Creates what is missing; safe when several processes start at once."""
    create_missing(connection, METADATA, lock=_ADVISORY_LOCK)
