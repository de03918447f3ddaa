"""The till's durable queue and memory: one SQLite file, written before the network is tried.

A kill at any point leaves either the whole item or none. Several processes and threads may share the file.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import uuid4

from pos_client.answers import Terminal, read_terminal
from pos_client.basket import Body, format_time
from pos_client.errors import QueueFailed, ServiceError

BUSY_SECONDS = 5.0
"""How long one process waits for another that is writing."""
MOST_OFFSET_MS = 10_000_000_000_000
"""The largest clock offset that the service takes: no clock is wrong by more than 317 years."""

_SETTINGS = """
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA journal_mode = WAL;
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    id        TEXT NOT NULL,
    body      TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    refusal   TEXT,
    UNIQUE (kind, id)
);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Kind(StrEnum):
    """What the queue holds."""

    SCAN = "scan"
    SALE = "sale"
    RETURN = "return"
    LINK = "link"


@dataclass(frozen=True)
class Item:
    """One upload: its body is fixed when it is made and never changes."""

    kind: Kind
    id: str
    body: Body
    queued_at: str
    position: int = 0

    @property
    def path(self) -> str:
        """Path of the PUT that uploads it alone."""
        if self.kind is Kind.LINK:
            return f"/pos/v1/sales/{self.body['sale_id']}/scan"
        return f"/pos/v1/{self.kind}s/{self.id}"

    @property
    def subject(self) -> str:
        """Id that an answer about it names."""
        return str(self.body["sale_id"]) if self.kind is Kind.LINK else self.id

    @property
    def content(self) -> str:
        """Body of that PUT."""
        return encode({"scan_id": self.body["scan_id"]} if self.kind is Kind.LINK else self.body)


@dataclass(frozen=True)
class DeadLetter:
    """An upload that the service refused for good, kept for a person to look at; a scan's code is wiped."""

    kind: Kind
    id: str
    body: Body
    queued_at: str
    code: str
    detail: str
    status: int | None
    errors: tuple[Mapping[str, str], ...]
    request_id: str | None


def encode(value: object) -> str:
    """Return compact JSON that can always be written as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


class Queue:
    """What waits to be sent, what was refused, and the few facts a till remembers."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._lock = RLock()
        with _told_plainly():
            self._db = _open(Path(path))

    def put(self, item: Item, **facts: str) -> None:
        """Store an item, durably, before anyone tries to send it."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO item (kind, id, body, queued_at) VALUES (?, ?, ?, ?)",
                (item.kind, item.id, encode(item.body), item.queued_at),
            )
            self._write_facts(facts)

    def waiting(self) -> Iterator[Item]:
        """Yield what waits now, oldest first; what is queued meanwhile is left for next time."""
        (last,) = self._row("SELECT coalesce(max(position), 0) FROM item")
        position = 0
        while row := self._row(
            "SELECT kind, id, body, queued_at, position FROM item"
            " WHERE refusal IS NULL AND position > ? AND position <= ? ORDER BY position LIMIT 1",
            position,
            last,
        ):
            yield (item := _item(row))
            position = item.position

    def find(self, kind: Kind, item_id: str) -> Item | None:
        """Return this item, if it still waits to be sent."""
        sql = "SELECT kind, id, body, queued_at, position FROM item WHERE kind = ? AND id = ? AND refusal IS NULL"
        row = self._row(sql, kind, item_id)
        return _item(row) if row else None

    def holds(self, kind: Kind, item_id: str) -> bool:
        """Return whether this item still waits to be sent."""
        return self.find(kind, item_id) is not None

    def settle(
        self, sent: Iterable[Item] = (), refused: Iterable[tuple[Item, ServiceError]] = (), **facts: str
    ) -> None:
        """Forget what was sent, move what was refused to the dead letters, note facts: all at once."""
        with self._transaction():
            for item in sent:
                self._db.execute("DELETE FROM item WHERE kind = ? AND id = ?", (item.kind, item.id))
            for item, refusal in refused:
                self._bury(item, refusal)
            self._write_facts(facts)

    def revive(self) -> int:
        """Queue the dead letters again, but for scans, whose codes are gone; return how many."""
        with self._transaction():
            sql = "UPDATE item SET refusal = NULL WHERE refusal IS NOT NULL AND kind <> ?"
            return self._db.execute(sql, (Kind.SCAN,)).rowcount

    def counts(self) -> dict[Kind, int]:
        """Return how many items of each kind wait to be sent."""
        rows = self._rows("SELECT kind, count(*) FROM item WHERE refusal IS NULL GROUP BY kind")
        return dict.fromkeys(Kind, 0) | {Kind(kind): count for kind, count in rows}

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Return everything the service refused, oldest first."""
        sql = "SELECT kind, id, body, queued_at, refusal FROM item WHERE refusal IS NOT NULL ORDER BY position"
        return tuple(_dead_letter(row) for row in self._rows(sql))

    def remember(self, **facts: str) -> None:
        """Store facts about this till, all or none."""
        with self._transaction():
            self._write_facts(facts)

    def recall(self, name: str) -> str | None:
        """Return a fact, or None."""
        row = self._row("SELECT value FROM fact WHERE name = ?", name)
        return str(row[0]) if row else None

    def installation_id(self) -> str:
        """Return the id of this installation, made and stored once."""
        with self._transaction():
            sql = "INSERT OR IGNORE INTO fact VALUES ('installation_id', ?)"
            self._db.execute(sql, (str(uuid4()),))
        return str(self.recall("installation_id"))

    def terminal(self) -> Terminal | None:
        """Return this till as the service last described it, or None before enrolment."""
        stored = self.recall("terminal")
        return None if stored is None else read_terminal(json.loads(stored))

    def clock_offset_ms(self) -> int | None:
        """Return how far the service's clock was ahead of the till's, in milliseconds, or None if unknown."""
        try:
            offset = int(self.recall("clock_offset_ms") or "")
        except ValueError:
            return None
        return offset if abs(offset) <= MOST_OFFSET_MS else None

    def close(self) -> None:
        """Close the file; whatever was stored stays."""
        with self._lock:
            self._db.close()

    def _bury(self, item: Item, refusal: ServiceError) -> None:
        body = {name: value for name, value in item.body.items() if name != "code"}
        why = {name: getattr(refusal, name) for name in ("code", "detail", "status", "errors", "request_id")}
        self._db.execute(
            "UPDATE item SET body = ?, refusal = ? WHERE kind = ? AND id = ?",
            (encode(body), encode(why), item.kind, item.id),
        )

    def _write_facts(self, facts: Mapping[str, str]) -> None:
        sql = "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self._db.executemany(sql, facts.items())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, _told_plainly():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, _told_plainly():
            return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: object) -> Any:
        return next(iter(self._rows(sql, *values)), None)


def new_item(kind: Kind, item_id: str, body: Body, now: datetime) -> Item:
    """Return an item ready to be put into the queue."""
    return Item(kind, item_id, body, format_time(now))


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with suppress(OSError):
        path.chmod(0o600)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.executescript(_SETTINGS + _SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise QueueFailed(f"The till's queue file can't be used ({error}).") from error


def _item(row: tuple[Any, ...]) -> Item:
    kind, item_id, body, queued_at, position = row
    return Item(Kind(kind), item_id, json.loads(body), queued_at, position)


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    kind, item_id, body, queued_at, refusal = row
    why = json.loads(refusal)
    why["errors"] = tuple(why["errors"])
    return DeadLetter(Kind(kind), item_id, json.loads(body), queued_at, **why)
