"""SQLite's log is copied back beside the writers: it starts anew, nothing is lost, and no failure reaches them."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from service.db import Database

ROUNDS = 2_500
WROTE = "INSERT INTO written (filler) VALUES (zeroblob(3000))"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{path}")
    with db.write() as session:
        session.execute(text("CREATE TABLE written (id INTEGER PRIMARY KEY, filler BLOB)"))
    yield db
    db.close()


def write(db: Database, times: int) -> None:
    for _ in range(times):
        with db.write() as session:
            session.execute(text(WROTE))


def rows(db: Database) -> int | None:
    with db.read() as session:
        return session.scalar(text("SELECT count(*) FROM written"))


def log_bytes(path: Path) -> int:
    return path.with_name("x.db-wal").stat().st_size


def test_the_log_starts_anew_long_before_sqlite_would_start_it(db: Database, path: Path) -> None:
    checkpoints = db._checkpoints
    assert checkpoints is not None
    for _ in range(ROUNDS // 500):
        write(db, 500)
        checkpoints.wait()  # a disk may be so busy that all is written before it has taken one checkpoint
    # Two pages and more are written each time: without checkpoints the log would have passed 20 MB.
    assert log_bytes(path) < 12_000_000
    assert rows(db) == ROUNDS


def test_several_threads_write_while_a_checkpoint_is_made(db: Database) -> None:
    writers = [threading.Thread(target=write, args=(db, 400)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert rows(db) == 1_600


def test_who_reads_for_long_sees_what_was_there_when_they_began(db: Database, path: Path) -> None:
    write(db, 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM written").fetchone() == (10,)
        write(db, 1_200)
        assert reader.execute("SELECT count(*) FROM written").fetchone() == (10,)
    assert rows(db) == 1_210


def test_a_checkpoint_that_fails_is_no_writers_business(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(db._checkpoints, "_connect", fail)
    write(db, 1_200)
    assert rows(db) == 1_200
