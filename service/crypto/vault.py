"""Values at rest: sealed under AES-256-GCM, found through a blind index (HMAC-SHA-256)."""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


@dataclass(frozen=True)
class BlindIndex:
    """What a value is found under: 32 bytes, and the version of the key that made them."""

    digest: bytes
    version: int


@dataclass(frozen=True)
class IndexKey:
    """One version of the blind index's key, 32 bytes. It finds at once, and writes from `writes_from` on."""

    version: int
    key: bytes = field(repr=False)
    writes_from: datetime

    def index(self, parts: tuple[str, ...]) -> bytes:
        """Return the 32 bytes under which a value is found; equal for equal parts, meaningless without the key."""
        message = b"".join([len(data).to_bytes(4, "big") + data for data in [part.encode() for part in parts]])
        mac = self._keyed.copy()
        mac.update(message)
        return mac.digest()

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        return hmac.new(self.key, digestmod=hashlib.sha256)


@dataclass(frozen=True)
class Vault:
    """The keys for values at rest, 32 bytes each. Every sealed value begins with the sealing key's version."""

    version: int
    sealing_key: bytes = field(repr=False)
    index_keys: tuple[IndexKey, ...]

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self.sealing_key)

    def seal(self, value: bytes, *, context: bytes) -> bytes:
        """Return version, nonce and ciphertext; `context` (which row, which column) must be given again to open."""
        return bytes((self.version,)) + seal(self._cipher, value, context=context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Return the value; `cryptography.exceptions.InvalidTag` when key, value or context isn't the right one."""
        return unseal(self._cipher, sealed[1:], context=context)

    def index(self, *parts: str, now: datetime) -> BlindIndex:
        """Return what a value is stored under at `now`."""
        writing = [key for key in self.index_keys if key.writes_from <= now] or self.index_keys[:1]
        return BlindIndex(writing[-1].index(parts), writing[-1].version)

    def indexes(self, *parts: str) -> list[bytes]:
        """Return everything that a value may be stored under: one digest a version of the key."""
        return [key.index(parts) for key in self.index_keys]

    def digest(self, value: bytes, *, context: str) -> bytes:
        """Return a keyed hash of something too short to be hashed without a key, 32 bytes."""
        key = hmac.new(self.sealing_key, context.encode(), hashlib.sha256).digest()
        return hmac.new(key, value, hashlib.sha256).digest()


def seal(cipher: AESGCM, value: bytes, *, context: bytes) -> bytes:
    """Return nonce and AES-256-GCM ciphertext of a value, bound to `context`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, context)


def unseal(cipher: AESGCM, sealed: bytes, *, context: bytes) -> bytes:
    """Return the value; `cryptography.exceptions.InvalidTag` when key, value or context isn't the right one."""
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
