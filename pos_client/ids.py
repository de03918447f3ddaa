"""Ids that the till mints at the beep."""

import secrets
from datetime import datetime
from uuid import UUID


def mint_id(now: datetime) -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7) for the given moment."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))
