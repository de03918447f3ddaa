"""Bearer secrets: prefixed and checksummed, so that secret scanners find them; stored only as SHA-256."""

import hashlib
import secrets
import zlib
from enum import StrEnum

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET_LENGTH, _CHECK_LENGTH = 43, 6
_ENROLMENT_SECRET_LENGTH, _ENROLMENT_CHECK_LENGTH = 16, 4


class Prefix(StrEnum):
    """What a token is for; a token is good for nothing else."""

    TERMINAL = "ust_"
    SITE_SECRET = "usk_"  # noqa: S105
    SITE_WRITE = "usw_"
    OPERATOR = "uop_"
    SESSION = "uss_"
    HANDOFF = "ush_"
    ENROLMENT = "use_"


def mint(prefix: Prefix) -> str:
    """Return a new token of 256 bits and a CRC-32 in base 62."""
    secret = prefix + "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))
    return secret + _checksum(secret, _BASE62, _CHECK_LENGTH)


def mint_enrolment_code() -> str:
    """Return a code of 80 bits that a person can type: Crockford's base 32, no look-alikes."""
    secret = Prefix.ENROLMENT + "".join(secrets.choice(_CROCKFORD) for _ in range(_ENROLMENT_SECRET_LENGTH))
    return secret + _checksum(secret, _CROCKFORD, _ENROLMENT_CHECK_LENGTH)


def hash_token(token: str) -> bytes:
    """Return the 32 bytes under which a token is stored. Tokens are random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def is_well_formed(token: str, prefix: Prefix) -> bool:
    """Return whether prefix, length and checksum hold, so that garbage costs no look-up."""
    if prefix is Prefix.ENROLMENT:
        alphabet, length, check = _CROCKFORD, _ENROLMENT_SECRET_LENGTH, _ENROLMENT_CHECK_LENGTH
    else:
        alphabet, length, check = _BASE62, _SECRET_LENGTH, _CHECK_LENGTH
    secret = token[:-check]
    return (
        token.isascii()
        and token.startswith(prefix)
        and len(token) == len(prefix) + length + check
        and _checksum(secret, alphabet, check) == token[-check:]
    )


def _checksum(secret: str, alphabet: str, length: int) -> str:
    number, digits = zlib.crc32(secret.encode()), []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
