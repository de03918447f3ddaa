"""Ids of version 7 (RFC 9562): rows made in a row lie in a row, which the indexes are thankful for."""

import os
import time

_RANDOM_DIGITS = 20
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def make_ids(count: int) -> list[str]:
    """Return so many ids, ascending, of 32 hexadecimal digits: 48 bits of milliseconds since 1970, 74 random ones."""
    head = f"{time.time_ns() // 1_000_000:012x}7"
    digits = os.urandom(_RANDOM_DIGITS * count // 2).hex()
    starts = range(0, len(digits), _RANDOM_DIGITS)
    return sorted(
        f"{head}{digits[at : at + 3]}{_VARIANTS[digits[at + 3]]}{digits[at + 4 : at + 19]}" for at in starts
    )
