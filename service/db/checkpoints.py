"""Checkpoints: SQLite's write-ahead log is copied back into the file while others write on.

By itself SQLite lets whoever commits the page too many do that, in their turn: everyone waits for the disk meanwhile,
and that was one request in a hundred. A thread beside them does the most of it in nobody's turn; what was
written meanwhile is little, and only that is done in a turn, so that the log starts anew.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from random import randrange

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from service.db.turns import Turns

_WRITES = 500
_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Counts what this process writes, and makes a checkpoint after every 500 times."""

    def __init__(self, connect: Callable[[], PoolProxiedConnection], turns: Turns, errors: type[Exception]) -> None:
        self._connect, self._turns = connect, turns
        self._errors = (errors, SQLAlchemyError, OSError)
        self._written = randrange(_WRITES)  # or all processes do it at once
        self._thread: threading.Thread | None = None

    def count(self) -> None:
        """Count a write."""
        self._written += 1
        if self._written >= _WRITES and (self._thread is None or not self._thread.is_alive()):
            self._written = 0
            self._thread = threading.Thread(target=self._checkpoint, daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until no checkpoint is being made."""
        if self._thread is not None:
            self._thread.join()

    def _checkpoint(self) -> None:
        try:
            with closing(self._connect()) as connection:
                cursor = connection.cursor()
                cursor.execute(_CHECKPOINT).fetchall()
                with self._turns.taken():
                    cursor.execute(_CHECKPOINT).fetchall()
        except self._errors:
            pass  # the next one tries again, and where none succeeds SQLite does it by itself
