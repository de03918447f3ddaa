"""Who waits for a turn and then for SQLite's lock waits once: its time for both is one."""

import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Dialect, Executable, column, table, text

from service.db import Database, Statement
from service.db.turns import Turns

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


def take_turns(path: str, times: int, seconds: float) -> None:
    turns = Turns(path)
    for _ in range(times):
        with turns.taken():
            time.sleep(seconds)


def test_who_had_to_wait_long_lets_the_others_have_their_turn_before_another_of_their_own(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    busy = multiprocessing.get_context("spawn").Process(target=take_turns, args=(path, 4, 1.5))
    busy.start()
    turns = Turns(path)
    try:
        while not Path(path).exists():
            time.sleep(0.01)
        time.sleep(0.2)
        with turns.taken() as waited:
            pass
    finally:
        busy.terminate()
        busy.join()
        turns.close()
    assert waited < 2.5
