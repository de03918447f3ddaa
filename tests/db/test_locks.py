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


@pytest.mark.parametrize("do", [read, lambda db: db.run(Statement(count), {})])
def test_who_waits_for_a_locked_table_is_told_that_the_database_does_not_answer(
    do: Callable[[Database], object], postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.db.database.BUSY_TIMEOUT_SECONDS", 1)
    address = postgres_database.engine.url.render_as_string(hide_password=False)
    with closing(Database(address)) as db, psycopg.connect(address.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE stores")
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(db.passing_errors):
                do(db)
            assert 0.9 < time.monotonic() - begun < 5
        other.rollback()
        do(db)
