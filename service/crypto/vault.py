"""Values at rest: sealed under AES-256-GCM, found through a blind index (HMAC-SHA-256)."""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


@dataclass(frozen=True)
class Vault:
    """The two keys for values at rest, 32 bytes each. Every sealed value begins with the key's version."""

    version: int
    sealing_key: bytes = field(repr=False)
    index_key: bytes = field(repr=False)

    def seal(self, value: bytes, *, context: bytes) -> bytes:
        """Return version, nonce and ciphertext; `context` (which row, which column) must be given again to open."""
        nonce = os.urandom(_NONCE_BYTES)
        return bytes((self.version,)) + nonce + AESGCM(self.sealing_key).encrypt(nonce, value, context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Return the value; `cryptography.exceptions.InvalidTag` when key, value or context isn't the right one."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return AESGCM(self.sealing_key).decrypt(nonce, ciphertext, context)

    def index(self, *parts: str) -> bytes:
        """Return the 32 bytes under which a value is found; equal for equal parts, meaningless without the key."""
        message = b"".join(len(data).to_bytes(4, "big") + data for data in (part.encode() for part in parts))
        return hmac.new(self.index_key, message, hashlib.sha256).digest()
