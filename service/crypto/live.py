"""The keys of a running process: loaded once, and again within seconds of a change on disk."""

import time
from pathlib import Path

from service.crypto import keyfile
from service.crypto.keyfile import Keys
from service.errors import BadSettings

CHECK_EVERY_SECONDS = 2.0


class LiveKeys:
    """Holds the newest valid keys. A file that turns bad keeps the keys in force and sets `fault` for /readyz."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._signature()
        self._keys = keyfile.load(path)
        self._check_at = time.monotonic() + CHECK_EVERY_SECONDS
        self.fault: str | None = None

    def current(self) -> Keys:
        """Return the keys in force."""
        if time.monotonic() >= self._check_at:
            self._refresh()
        return self._keys

    def _refresh(self) -> None:
        self._check_at = time.monotonic() + CHECK_EVERY_SECONDS
        signature = self._signature()
        if signature == self._seen:
            return
        try:
            self._keys, self.fault, self._seen = keyfile.load(self._path), None, signature
        except BadSettings as error:
            self.fault = error.detail

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
