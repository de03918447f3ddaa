"""Who waits for a turn and then for SQLite's lock waits once: its time for both is one."""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Dialect, Executable, column, table, text

from service.db import Database, Statement, turns

SECONDS = 1.0


written = table("written", column("id"))


def insert(_: Dialect) -> Executable:
    return written.insert().values(id=None).returning(written.c.id)


def write(db: Database) -> None:
    with db.write() as session:
        session.execute(insert(db.engine.dialect))


WRITE = Statement(insert)


@pytest.mark.parametrize("do", [write, lambda db: db.run(WRITE, {})])
def test_many_who_wait_behind_a_foreign_lock_wait_as_long_as_one(
    do: Callable[[Database], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.db.database.BUSY_TIMEOUT_SECONDS", SECONDS)
    with closing(Database(f"sqlite:///{tmp_path}/x.db")) as db:
        with db.write() as session:
            session.execute(text("CREATE TABLE written (id INTEGER PRIMARY KEY)"))
        with (
            closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other,
            ThreadPoolExecutor(5) as pool,
        ):
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            waiting = [pool.submit(do, db) for _ in range(5)]
            errors = [one.exception() for one in waiting]
            took = time.monotonic() - begun
            other.execute("ROLLBACK")
            assert all(isinstance(error, db.passing_errors) for error in errors), errors
            assert SECONDS * 0.9 < took < SECONDS * 2
            for one in [pool.submit(do, db) for _ in range(20)]:
                one.result()
        with db.read() as session:
            assert session.scalar(text("PRAGMA busy_timeout")) == SECONDS * 1000


@pytest.mark.parametrize(("held", "breaths"), [(0.0, []), (0.2, [turns.BREATH_SECONDS])])
def test_who_waited_or_held_a_turn_long_lets_the_others_go_first_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: float, breaths: list[float]
) -> None:
    """On a busy machine the kernel would give the lock to whoever lets go of it and wants it again at once."""
    slept: list[float] = []
    with closing(turns.Turns(str(tmp_path / "turn"))) as mine:
        with mine.taken():
            time.sleep(held)
            monkeypatch.setattr(turns, "LONG_SECONDS", 0.1)
            monkeypatch.setattr("service.db.turns.time.sleep", slept.append)
        assert slept == breaths
