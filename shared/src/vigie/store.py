"""SQL engines for the services that keep something: SQLite by default, PostgreSQL by URL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from sqlite3 import Cursor, OperationalError
from time import monotonic, sleep
from typing import TypeVar

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from vigie.errors import Unavailable

BUSY_TIMEOUT_MS = 10_000
_ONLY_READS = "vigie_only_reads"
# The server looks after who has the lock: with its own settings it would notice a machine that is gone after two hours.
_TRY_LOCK = text(
    "SELECT pg_try_advisory_xact_lock(:key), set_config('tcp_keepalives_idle', '10', true),"
    " set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '3', true)"
)

ResultT = TypeVar("ResultT")


class StoreUnavailable(Unavailable, ConnectionError):
    """The database does not answer or takes no work now: 503 for who asks, a lost connection for who reads a stream.

    The same work may be tried again. Values that the database does not take are SQLAlchemy's errors.
    """


class Store:
    """SQL for a service on an event loop: every piece of work gets a connection, in one of a few threads of its own.

    Raises `StoreUnavailable`.
    """

    def __init__(self, url: str, *, threads: int = 4) -> None:
        self.engine = open_engine(url)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sql")

    async def read(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """What `work` returns, without a transaction of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._reading, work)

    async def write(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """What `work` returns, once its transaction is on disk."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._writing, work)

    @asynccontextmanager
    async def alone(self, lock: int) -> AsyncIterator[bool]:
        """Whether this process has this number of PostgreSQL's advisory locks meanwhile, and so no other one has.

        It is free again as soon as its process has died, and within half a minute when the whole machine has. On SQLite
        there is one process: it is always true, so tasks of one process need another lock between them.
        """
        if self.engine.dialect.name != "postgresql":
            yield True
            return
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(self._threads, self._trying, lock)
        try:
            yield connection is not None
        finally:
            if connection is not None:
                await loop.run_in_executor(self._threads, self._leave, connection)

    async def close(self) -> None:
        """Lets running work end, then closes every connection."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    def _reading(self, work: Callable[[Connection], ResultT]) -> ResultT:
        with _told("the store does not answer"), reading(self.engine) as connection:
            return work(connection)

    def _writing(self, work: Callable[[Connection], ResultT]) -> ResultT:
        with _told("the store refuses to write"), self.engine.begin() as connection:
            return work(connection)

    def _trying(self, lock: int) -> Connection | None:
        """A connection whose transaction has the lock."""
        with _told("the store does not answer"), ExitStack() as stack:
            connection = stack.enter_context(self.engine.connect())
            if not connection.execute(_TRY_LOCK, {"key": lock}).scalars().first():
                return None
            stack.pop_all()
            return connection

    def _leave(self, connection: Connection) -> None:
        """Ends the transaction, and the lock with it."""
        with _told("the store does not answer"):
            connection.close()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads; on SQLite, where others have to wait for who may write, it keeps nobody waiting."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_ONLY_READS: True})


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except (DBAPIError, PoolTimeout) as error:
        raise StoreUnavailable(f"{what}: {type(error).__name__}") from error


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insertion that can say what becomes of a row that is there already (`on_conflict_do_nothing`, …)."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def take_turn(connection: Connection, lock: int, *, shared: bool = False) -> None:
    """Waits until no other transaction has this number of PostgreSQL's advisory locks, and has it until its own end.

    Those who share it have it together. On SQLite whoever writes is alone.
    """
    if connection.dialect.name == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {kind}(:key)"), {"key": lock})


def create_missing(connection: Connection, metadata: MetaData, *, lock: int) -> None:
    """Creates tables and adds nullable columns that are not there; safe when several processes start at once.

    `lock` is a number of the service's own for PostgreSQL's advisory lock. This is all the migration there is: a
    column that changes its type, or must not be null, needs more.
    """
    take_turn(connection, lock)
    metadata.create_all(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                kind = column.type.compile(connection.dialect)
                connection.execute(text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}"))


def open_engine(url: str) -> Engine:
    """An engine for `url`; `postgresql://` uses psycopg 3, SQLite gets its folder, WAL and real transactions.

    Every SQLite transaction takes the write lock at once (`BEGIN IMMEDIATE`), so that reading first and writing then
    cannot fail half-way, but for one of `reading`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def _write_ahead(cursor: Cursor) -> None:
    """Switches to write-ahead logging; of several who do so at once SQLite turns some away without waiting."""
    deadline = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except OperationalError:
            if monotonic() > deadline:
                raise
            sleep(0.01)


def _open_sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: object, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # what is committed outlasts a loss of power
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        only_reads = connection.get_execution_options().get(_ONLY_READS)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine
