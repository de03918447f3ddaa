"""The keys of a running process: loaded once, and again at the first use after the file changed."""

from pathlib import Path

from service.crypto import keyfile
from service.crypto.keyfile import Keys
from service.errors import BadSettings


class LiveKeys:
    """Holds the newest valid keys. A file that turns bad keeps the keys in force and sets `fault` for /readyz."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._keys = keyfile.load(path)
        self.fault: str | None = None

    def current(self) -> Keys:
        """Return the keys in force.

        The file's state is read each time, which costs three microseconds: a key that another process
        signs with already must never be unknown here.
        """
        state = self._state()
        if state != self._seen:
            self._seen = state
            self._reload()
        return self._keys

    def _reload(self) -> None:
        try:
            self._keys, self.fault = keyfile.load(self._path), None
        except BadSettings as error:
            self.fault = error.detail

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_ctime_ns, status.st_size
