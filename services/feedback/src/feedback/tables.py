"""The tables: the prediction log with what versions on trial said, votes and what they speak of, what was stopped."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from vigie.store import create_missing

METADATA = MetaData()
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")

predictions = Table(
    "predictions",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("prediction_id", String(400), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("label", SmallInteger, nullable=False),
    Column("probability_negative", Float, nullable=False),
    Column("requested_model", String(64)),
    Column("degraded", Boolean, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("topic", String(64)),
    Column("author", String(32)),
    Column("tweeted_ms", BigInteger),
    Index("predictions_author", "author"),
    Index("predictions_newest", "created_ms", "id"),
)

subjects = Table(
    "subjects",
    METADATA,
    Column("prediction_id", String(400), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("label", SmallInteger, nullable=False),
    Column("probability_negative", Float, nullable=False),
    Column("predicted_ms", BigInteger, nullable=False),
    Column("error_ms", BigInteger),
    Column("revision", Integer, nullable=False, default=0),
    Column("changed_ms", BigInteger, nullable=False),
    Column("published_revision", Integer, nullable=False, default=0),
    Column("traceparent", String(64)),
    Index("subjects_changed", "changed_ms"),
)

publications = Table(
    "publications",
    METADATA,
    Column("stream", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),  # how often something was put on it
)

votes = Table(
    "votes",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("feedback_id", String(32), nullable=False, unique=True),
    Column("prediction_id", String(400), ForeignKey(subjects.c.prediction_id), nullable=False),
    Column("annotator", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("expected_label", SmallInteger),
    Column("comment", String(500)),
    Column("created_ms", BigInteger, nullable=False),
    Column("supersedes", String(32)),
    Column("current", Boolean, nullable=False),
    Index("votes_newest", "created_ms", "id"),
    Index(
        "votes_one_current",
        "prediction_id",
        "annotator",
        unique=True,
        sqlite_where=text("current = 1"),
        postgresql_where=text("current"),
    ),
)

trials = Table(
    "trials",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("prediction_id", String(400), nullable=False),
    Column("alias", String(16), nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("label", SmallInteger),  # null: it failed
    Column("probability_negative", Float),
    Column("failure", String(300)),
    Column("answered", Boolean, nullable=False),
    Column("champion", String(64), nullable=False),
    Column("champion_label", SmallInteger, nullable=False),
    Column("champion_negative", Float, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("prediction_id", "alias"),
    Index("trials_newest", "created_ms"),
)

trial_stops = Table(
    "trial_stops",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("detail", String(500), nullable=False),
    Column("report", Text, nullable=False),  # a TrialReport as JSON
    Column("failure", String(300)),
    Column("stopped_ms", BigInteger, nullable=False),
    Column("told_epoch", String(32)),  # the marker of the Redis that was told
    UniqueConstraint("model", "version"),
)

erased_authors = Table(
    "erased_authors",
    METADATA,
    Column("author", String(32), primary_key=True),
    Column("erased_ms", BigInteger, nullable=False),
)

ERASING_LOCK = 7_310_448_206

_ADVISORY_LOCK = 7_310_448_201


def create_tables(connection: Connection) -> None:
    """Creates what is missing; safe when several processes start at once."""
    create_missing(connection, METADATA, lock=_ADVISORY_LOCK)
