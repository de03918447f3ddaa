"""The keys of a running process: loaded once, and again at the first use after the file changed."""

from pathlib import Path

from service import clock
from service.config import Settings
from service.crypto import keyfile
from service.crypto.keyfile import ExposedKeys, Keys
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
        except ExposedKeys:
            self.fault = "the key file on disk can be read by other users: give it mode 0600"
        except BadSettings:
            self.fault = f"the key file on disk {'is not valid' if self._path.exists() else 'does not exist'}"

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_ctime_ns, status.st_size


def open_keys(settings: Settings) -> LiveKeys:
    """Load the key file. On a first start in development it is made; in production that is an error."""
    if not settings.in_production and not settings.keys_file.exists():
        try:
            keyfile.save_new(settings.keys_file, keyfile.create(clock.now()))
        except FileExistsError:
            pass  # another process was first
        except OSError as error:
            raise BadSettings(f"the key file {settings.keys_file} can't be made: {error.strerror}") from None
    return LiveKeys(settings.keys_file)
