"""Claim codes (`74`): 16 random bytes on a receipt, as 39 decimal digits. Whoever scans it first claims the sale.

The till mints them and sends only their hash, so neither the till's queue nor the database can give one away.
"""

import hashlib
import re

from service.codes.refusals import CodeRefused, Refusal

KIND = "74"
SECRET_BYTES = 16
_DIGITS = 39  # of 2^128 - 1
_SHAPE = re.compile(r"74[0-9]{39}")


def write(secret: bytes) -> str:
    """Return the claim code of 16 random bytes: 41 digits."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("a claim code holds 16 bytes")
    return f"{KIND}{int.from_bytes(secret, 'big'):0{_DIGITS}d}"


def read(code: str) -> bytes:
    """Return the 16 bytes of a claim code; `CodeRefused` when it is none."""
    number = int(code[2:]) if _SHAPE.fullmatch(code) else -1
    if not 0 <= number < 1 << (8 * SECRET_BYTES):
        raise CodeRefused(Refusal.MALFORMED)
    return number.to_bytes(SECRET_BYTES, "big")


def hash_of(code: str) -> bytes:
    """Return what stands for a claim code in a sale: SHA-256 of its ASCII digits, 32 bytes."""
    return hashlib.sha256(code.encode("ascii")).digest()
