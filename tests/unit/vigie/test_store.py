"""SQL engines."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text
from sqlalchemy.exc import IntegrityError

from vigie.errors import Unavailable
from vigie.settings import sqlite_url
from vigie.store import Store, StoreUnavailable, create_missing, open_engine, reading


@pytest.mark.parametrize("name", ["50%", "%41", "%(x)s", "a?b=c", "a#b", "a b", "é@b:c;d&e+f"])
def test_a_database_lies_where_its_path_says(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "store.db"
    engine = open_engine(sqlite_url(file))
    with engine.connect():
        assert file.is_file()
    engine.dispose()


def test_sqlite_gets_its_folder_and_a_write_ahead_log(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new/folder/store.db")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_reading_first_and_writing_then_is_safe_between_threads(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))

    def count() -> None:
        for _ in range(50):
            with engine.begin() as connection:
                n = connection.execute(text("SELECT n FROM counter")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar() == 200
    engine.dispose()


def test_who_only_reads_keeps_nobody_from_writing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
    with reading(engine) as reader:
        assert reader.execute(text("SELECT count(*) FROM counter")).scalar() == 0
        with engine.begin() as writer:
            writer.execute(text("INSERT INTO counter VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM counter")).scalar() == 0, "as it was when it began"
    engine.dispose()


def test_a_postgresql_url_uses_psycopg(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.dialect.driver == "psycopg"
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_a_table_of_an_older_version_gets_the_columns_it_lacks_and_keeps_its_rows(tmp_path: Path) -> None:
    metadata = MetaData()
    known = Table("tweets", metadata, Column("id", Integer, primary_key=True), Column("topic", String(64)))
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE tweets (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO tweets VALUES (7)"))
        create_missing(connection, metadata, lock=1)
        create_missing(connection, metadata, lock=1)
        assert connection.execute(select(known)).all() == [(7, None)]
    engine.dispose()


async def test_a_database_that_does_not_work_is_told_apart_from_values_that_it_refuses(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    await store.write(lambda connection: connection.execute(text("CREATE TABLE names (name TEXT UNIQUE)")))
    twice = text("INSERT INTO names VALUES ('a'), ('a')")
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: connection.execute(twice))
    with pytest.raises(StoreUnavailable, match="the store does not answer: OperationalError") as told:
        await store.read(lambda connection: connection.execute(text("SELECT * FROM gone")))
    assert isinstance(told.value, OSError), "readers of streams wait for it"
    assert isinstance(told.value, Unavailable), "clients are told 503"
    await store.close()
