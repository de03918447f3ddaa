"""What somebody else has locked on PostgreSQL is waited for a while, and not until the worker is taken for dead."""

import time
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Dialect, Executable, select

from service.db import Database, Statement
from service.stores.models import Store


def count(_: Dialect) -> Executable:
    return select(Store.id)


def read(db: Database) -> None:
    with db.read() as session:
        session.execute(count(db.engine.dialect))


def run(db: Database) -> None:
    db.run(Statement(count), {})


@pytest.mark.parametrize(("do", "seconds"), [(read, 2), (run, 1)])
def test_who_waits_for_a_locked_table_is_told_that_the_database_does_not_answer(
    do: Callable[[Database], object], seconds: int, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.db.database.BUSY_TIMEOUT_SECONDS", 2)
    monkeypatch.setattr("service.db.database.LONE_TIMEOUT_SECONDS", 1)
    address = postgres_database.engine.url.render_as_string(hide_password=False)
    with closing(Database(address)) as db, psycopg.connect(address.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE stores")
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(db.passing_errors):
                do(db)
            assert seconds - 0.1 < time.monotonic() - begun < seconds + 0.9
        other.rollback()
        do(db)


@pytest.mark.parametrize("do", [read, run])
def test_a_lock_timeout_of_the_operator_stands(do: Callable[[Database], object], postgres_database: Database) -> None:
    address = postgres_database.engine.url.render_as_string(hide_password=False)
    with psycopg.connect(address.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE stores")
        with closing(Database(f"{address}?options=-c%20lock_timeout%3D300")) as db:
            begun = time.monotonic()
            with pytest.raises(db.passing_errors):
                do(db)
            assert 0.2 < time.monotonic() - begun < 1
