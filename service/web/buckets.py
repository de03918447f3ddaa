"""Rate limits: leaky buckets in memory that all workers of one machine share.

The memory is anonymous and shared, made before the workers fork, so a limit holds for the machine without a
server to ask. Each key has one number of 8 bytes, the theoretical arrival time of the generic cell rate
algorithm (ITU-T I.371 annex A), and is read and written under a lock of its own. Two keys may share a number (one in
65,536): a limit is a fence against floods, not a ledger.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

_SLOTS = 1 << 16
_NUMBER = struct.Struct("d")


@dataclass(frozen=True)
class Limit:
    """So many requests a second on average, and so many at once."""

    per_second: float
    burst: int


class Buckets:
    """One bucket a key. A bucket that is never made full again costs nothing."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SLOTS * _NUMBER.size)
        self._locks = _open_nameless()
        weakref.finalize(self, os.close, self._locks)
        self._salt = os.urandom(16)  # so that nobody can choose a key that shares another's bucket

    def take(self, key: bytes, limit: Limit) -> float:
        """Take from the bucket; return 0.0, or the seconds to wait when it is empty."""
        digest = hashlib.blake2b(key, digest_size=8, key=self._salt).digest()
        slot = int.from_bytes(digest, "big") % _SLOTS * _NUMBER.size
        fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, slot)
        try:
            return self._take(slot, limit)
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, slot)

    def _take(self, slot: int, limit: Limit) -> float:
        moment = time.monotonic()
        theoretical = max(_NUMBER.unpack_from(self._memory, slot)[0], moment) + 1 / limit.per_second
        wait = theoretical - moment - limit.burst / limit.per_second
        if wait > 1e-9:
            return float(wait)
        _NUMBER.pack_into(self._memory, slot, theoretical)
        return 0.0


def _open_nameless() -> int:
    """Return a file to lock places of. Who is killed leaves its locks to the others, which no lock in memory does."""
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    return descriptor
