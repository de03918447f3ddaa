"""Digits: how bytes become a decimal string, and the check digit of a typed code."""

# The totally anti-symmetric quasigroup of order 10 from H. M. Damm's thesis (2004). It catches every single
# wrong digit and every swap of two neighbours, the two mistakes that people make most when they type.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    """Return the Damm check digit of a string of ASCII digits."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return str(interim)


def to_digits(data: bytes) -> str:
    """Return bytes that begin with a non-zero byte as one big-endian decimal integer."""
    return str(int.from_bytes(data, "big"))


def from_digits(digits: str) -> bytes:
    """Return the bytes behind a decimal integer: the inverse of `to_digits` where there is no leading zero."""
    number = int(digits)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
