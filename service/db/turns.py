"""Turns: processes that write one SQLite file wait for each other in the kernel, not by polling.

SQLite's own waiting is a loop of growing sleeps: under load a waiter that sleeps is overtaken by everyone who
comes while it does, and one in a hundred waits ten times as long as the others. The lock of the file beside the
database is released by the kernel even when its holder is killed. Processes that take no turn are still safe.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Who waited so long lets the others have their turn before asking for another: the kernel gives the lock
# to whoever is awake, and a worker with its next request at hand would have it again and again.
LONG_SECONDS, BREATH_SECONDS = 1.0, 0.05


class Turns:
    """A lock between threads and processes, on a file that holds nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._between_threads = threading.Lock()
        self._file: int | None = None
        self._opened_by = 0

    @contextmanager
    def taken(self) -> Iterator[float]:
        """Hold the lock; it is told how many seconds it was waited for."""
        begun = time.monotonic()
        try:
            with self._between_threads:
                file = self._descriptor()
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    yield time.monotonic() - begun
                finally:
                    fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            if time.monotonic() - begun > LONG_SECONDS:
                time.sleep(BREATH_SECONDS)

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        with self._between_threads:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _descriptor(self) -> int:
        """Return a descriptor of this process's own: a lock taken on one that a fork shares is shared too."""
        if self._file is None or self._opened_by != os.getpid():
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._opened_by = os.getpid()
        return self._file
