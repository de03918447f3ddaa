"""Terminals that were seen lately, so that a scan costs no look-up of who sends it."""

import time

from service.stores.recognise import TerminalIdentity

_LIVES_SECONDS = 30.0
_MAX_IDENTITIES = 10_000


class Identities:
    """Terminals seen lately, by the hash of their token."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[TerminalIdentity, float]] = {}

    def get(self, digest: bytes) -> TerminalIdentity | None:
        """Return the terminal if it was seen within the last seconds."""
        found = self._known.get(digest)
        return found[0] if found is not None and time.monotonic() < found[1] else None

    def put(self, digest: bytes, identity: TerminalIdentity) -> None:
        """Remember a terminal."""
        if len(self._known) >= _MAX_IDENTITIES:
            self._known.clear()
        self._known[digest] = (identity, time.monotonic() + _LIVES_SECONDS)
